#!/usr/bin/env python3
"""Compiles HLSL files as compute shaders with Microsoft's DXC, through its library (Linux).

    compile-with-dxc.py [--json] LIBRARY [FILE.hlsl ...]

Prints "ok FILE BYTES" or "error FILE" and the messages. Exit status: 0 all compiled, 1 some did not, 2 no compiler.
Without files it only reports whether the compiler can be used. --json: prints {"compiler": ...}, and for each file
{"file": ..., "seconds": ..., "workgroup_bytes": ..., "instructions": ...} (of DXIL; registers are the driver's business),
or "error" with the messages.
"""

import ctypes
import json
import math
import re
import sys
import time
import uuid

PROFILE = "cs_6_0"
CLSID_COMPILER = "73e22d93-e6ce-47f3-b5bf-f0664f39c1b0"
IID_COMPILER3 = "228b4687-5a6a-4730-900c-9702b2203f54"
IID_VERSION = "b04f5b50-2059-4f12-a8ff-a1e0cde1cc7e"
IID_RESULT = "58346cda-dde7-4497-9461-6f87af5e0659"
UTF8 = 65001

# Indices into the interfaces' function tables. Except on Windows, IUnknown has two destructors after its three
# functions.
UNKNOWN = 5
COMPILE, DISASSEMBLE = UNKNOWN, UNKNOWN + 1
GET_STATUS, GET_RESULT, GET_ERRORS = UNKNOWN, UNKNOWN + 1, UNKNOWN + 2
GET_POINTER, GET_SIZE = UNKNOWN, UNKNOWN + 1
GET_VERSION = UNKNOWN


class Source(ctypes.Structure):
    """DxcBuffer."""

    _fields_ = [("text", ctypes.c_char_p), ("size", ctypes.c_size_t), ("encoding", ctypes.c_uint32)]


def identifier(text):
    return ctypes.create_string_buffer(uuid.UUID(text).bytes_le, 16)


def call(this, place, returns, *arguments):
    """Calls the function at this index of an object's table; arguments are (type, value)."""
    table = ctypes.cast(this, ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p))).contents
    kind = ctypes.CFUNCTYPE(returns, ctypes.c_void_p, *(kind for kind, _ in arguments))
    return kind(table[place])(this, *(value for _, value in arguments))


def blob(this, place):
    """The bytes of a blob that an object returns."""
    found = ctypes.c_void_p()
    call(this, place, ctypes.c_int32, (ctypes.c_void_p, ctypes.byref(found)))
    if not found:
        return b""
    size = call(found, GET_SIZE, ctypes.c_size_t)
    pointer = call(found, GET_POINTER, ctypes.c_void_p)
    return ctypes.string_at(pointer, size) if size else b""


def compiler(library, interface=IID_COMPILER3):
    found = ctypes.c_void_p()
    create = ctypes.CDLL(library).DxcCreateInstance
    create.restype = ctypes.c_int32
    status = create(identifier(CLSID_COMPILER), identifier(interface), ctypes.byref(found))
    if status != 0 or not found:
        raise OSError(f"{library}: DxcCreateInstance: {status & 0xFFFFFFFF:#x}")
    return found


def result_of(dxc, function, source, *arguments):
    """What a function of the compiler makes of a source; null if nothing."""
    result = ctypes.c_void_p()
    call(
        dxc,
        function,
        ctypes.c_int32,
        (ctypes.c_void_p, ctypes.byref(source)),
        *arguments,
        (ctypes.c_char_p, identifier(IID_RESULT).raw),
        (ctypes.c_void_p, ctypes.byref(result)),
    )
    return result


def compile_hlsl(dxc, text):
    """(DXIL, messages); the DXIL is empty if the text does not compile."""
    # naga names the entry point `main`, or `main_` and so on if that name is taken.
    entry = re.search(rb"\]\s*void (main\w*)\(", text)
    if not entry:
        return b"", "no entry point"
    # The options that wgpu passes.
    options = ["-E", entry[1].decode(), "-T", PROFILE, "-HV", "2018", "-no-warnings"]
    arguments = (ctypes.c_wchar_p * len(options))(*options)
    result = result_of(
        dxc,
        COMPILE,
        Source(text, len(text), UTF8),
        (ctypes.c_void_p, ctypes.addressof(arguments)),
        (ctypes.c_uint32, len(options)),
        (ctypes.c_void_p, None),
    )
    if not result:
        return b"", "no result"
    status = ctypes.c_int32(-1)
    call(result, GET_STATUS, ctypes.c_int32, (ctypes.c_void_p, ctypes.byref(status)))
    messages = blob(result, GET_ERRORS).decode(errors="replace").rstrip("\0")
    return (blob(result, GET_RESULT) if status.value == 0 else b""), messages


def version(library):
    info = compiler(library, IID_VERSION)
    numbers = ctypes.c_uint32(), ctypes.c_uint32()
    call(info, GET_VERSION, ctypes.c_int32, *((ctypes.c_void_p, ctypes.addressof(number)) for number in numbers))
    return ".".join(str(number.value) for number in numbers)


def disassembled(dxc, dxil):
    """LLVM's text of DXIL."""
    result = result_of(dxc, DISASSEMBLE, Source(dxil, len(dxil), 0))
    return blob(result, GET_RESULT).decode(errors="replace")


def numbers(text):
    """Of LLVM's text: every value of a workgroup variable has four bytes, and every instruction a line of two spaces."""
    shared = re.findall(r"addrspace\(3\) global ((?:\[\d+ x )*)(?:float|i32)\b", text)
    words = sum(math.prod(int(side) for side in re.findall(r"\d+", sides)) for sides in shared)
    return {"workgroup_bytes": 4 * words, "instructions": len(re.findall(r"^  \S", text, re.M))}


def main():
    as_json = sys.argv[1:2] == ["--json"]
    library, *paths = sys.argv[1 + as_json :]
    try:
        dxc = compiler(library)
    except (OSError, AttributeError) as error:
        print(error, file=sys.stderr if as_json else sys.stdout)
        return 2
    failed = False
    if as_json:
        print(json.dumps({"compiler": f"DXC {version(library)}"}))
    for path in paths:
        started = time.perf_counter()
        with open(path, "rb") as file:
            dxil, messages = compile_hlsl(dxc, file.read())
        seconds = round(time.perf_counter() - started, 3)
        is_good = dxil[:4] == b"DXBC"
        failed |= not is_good
        if not as_json:
            print(f"ok {path} {len(dxil)}" if is_good else f"error {path}\n{messages}")
            continue
        text = disassembled(dxc, dxil) if is_good else ""
        print(json.dumps({"file": path, "seconds": seconds, **(numbers(text) if is_good else {"error": messages})}))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
