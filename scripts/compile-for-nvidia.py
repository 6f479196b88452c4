#!/usr/bin/env python3
"""Compiles the kernels for NVIDIA GPUs with NVIDIA's own compiler, without a GPU or a driver, and prints what it says.

    compile-for-nvidia.py TOOLS ARCHITECTURE FILE.metal ...

TOOLS is the folder that scripts/install-nvidia prints, ARCHITECTURE one like sm_90. The files are those of target/shaders/cuda:
naga's Metal text, with Vulkan's bounds checks. scripts/msl-to-cuda.h and `cuda` make it CUDA C++. The drivers compile SPIR-V
with another front end and the same code generator, so the numbers are near theirs and not the same. Arithmetic is as in
graphics: contracted multiply-adds, approximate division, square root and exponential.

Prints one JSON object for the compiler, {"compiler": ...}, and one per file: {"file": ..., "seconds": ..., and the numbers},
or "error". Instructions are counted as they stand in the machine code, whatever a loop makes of them. Exit status: 0 all compiled,
1 some did not, 2 no compiler here.
"""

import ctypes
import json
import os
import re
import subprocess
import sys
import tempfile
import time

HEADER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "msl-to-cuda.h")
OPTIONS = ["--std=c++17", "--use_fast_math", "--device-as-default-execution-space", "--ptxas-options=-v", "--disable-warnings"]
BUILT_IN = {
    "thread_index_in_threadgroup": "threadIdx.x",
    "thread_position_in_threadgroup": "metal::uint3(threadIdx.x, 0, 0)",
    "threadgroup_position_in_grid": "metal::uint3(blockIdx.x, blockIdx.y, blockIdx.z)",
    "thread_position_in_grid": "metal::uint3(blockIdx.x * blockDim.x + threadIdx.x, blockIdx.y, blockIdx.z)",
    "threadgroups_per_grid": "metal::uint3(gridDim.x, gridDim.y, gridDim.z)",
}
# 160 numbers that have to be held at once, and a multiply-add of each: lanes of 1024 have 64 registers for them.
SAMPLE = """
struct type_1 {
    metal::float4 inner[40];
};

kernel void main_(
  uint lane [[thread_index_in_threadgroup]]
, device type_1& numbers [[buffer(0)]]
) {
    metal::float4 held[40];
    for(int i = 0; i < 40; i++) { held[i] = numbers.inner[i + lane]; }
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
    for(int i = 0; i < 40; i++) { numbers.inner[i + lane] = held[i] * 3.0 + held[39 - i].wzyx; }
}
"""


def cuda(text, lanes):
    """CUDA C++ of naga's Metal text."""
    text = re.sub(r"#include .*", "", text)
    # Metal has no double: a number without a suffix is a float.
    text = re.sub(r"(?<![\w.])\d+\.\d+(?:e-?\d+)?(?![\w.])", r"\g<0>f", text)
    text = re.sub(r"(?<![:\w])uint2\b", "metal::uint2", text)
    text = re.sub(r"\.([xyzw]{2,4})\b", lambda at: f".swizzle<{', '.join(str('xyzw'.index(c)) for c in at[1])}>()", text)
    # Drivers of GPUs inline every function.
    text = re.sub(r"^((?!struct|kernel|using|constant)[\w:]+ \w+\()", r"static __forceinline__ \1", text, flags=re.M)
    text = re.sub(r"^constant ", "static constexpr ", text, flags=re.M)
    head = re.search(r"kernel void \w+\((.*?)\n\) \{", text, re.S)
    if not head:
        raise RuntimeError("found no `kernel void`, expected naga's text for Metal")
    uniforms, parameters, body = [], [], []
    for parameter in re.split(r"^,? ", head[1].strip(), flags=re.M):
        declared, attribute = re.fullmatch(r"(.*?)(?: \[\[(.*)\]\])?\s*", parameter, re.S).groups()
        of_type, name = declared.rsplit(" ", 1)
        if attribute in BUILT_IN:
            body.append(f"{declared} = {BUILT_IN[attribute]};")
        elif of_type.startswith("threadgroup "):
            body.append(f"__shared__ {of_type.removeprefix('threadgroup ').rstrip('&')} {name};")
        elif of_type.startswith("constant "):
            uniforms.append(f"__constant__ {of_type.removeprefix('constant ').rstrip('&')} {name};")
        else:
            parameters.append(f"{of_type.rstrip('&')} *__restrict__ {name}_")
            body.append(f"{of_type} {name} = *{name}_;")
    entry = f"kernel void __launch_bounds__({lanes}) entry({', '.join(parameters)}) {{\n" + "\n".join(body)
    return '#include "msl-to-cuda.h"\n' + text[:head.start()] + "\n".join(uniforms) + "\n" + entry + text[head.end():]


class Compiler:
    """NVRTC, and the disassembler."""

    def __init__(self, tools):
        folder = os.path.join(tools, "nvidia", "cu13")
        self.library = ctypes.CDLL(os.path.join(folder, "lib", "libnvrtc.so.13"))
        self.disassembler = os.path.join(folder, "bin", "nvdisasm")
        with open(HEADER, "rb") as text:
            self.header = text.read()
        numbers = subprocess.run([self.disassembler, "--version"], check=True, capture_output=True, text=True).stdout
        self.name = "CUDA " + re.search(r"\bV([\d.]+)", numbers)[1]

    def call(self, name, *arguments):
        return getattr(self.library, name)(*arguments)

    def text(self, program, kind):
        """The log or the machine code."""
        size = ctypes.c_size_t()
        self.call(f"nvrtcGet{kind}Size", program, ctypes.byref(size))
        text = ctypes.create_string_buffer(size.value)
        self.call(f"nvrtcGet{kind}", program, text)
        return text.raw

    def check(self, architecture):
        """Fails unless spills and multiply-adds are seen where they are, and no spills where none are."""
        free, tight = (self.compile(cuda(SAMPLE, lanes), architecture) for lanes in (128, 1024))
        if free["spill_store_bytes"] or not tight["spill_store_bytes"] or not free["multiply_adds"] == tight["multiply_adds"] == 160:
            raise RuntimeError(f"found {free} without and {tight} with spills, expected 160 multiply-adds and spills in the second only")

    def compile(self, source, architecture):
        """The numbers."""
        program = ctypes.c_void_p()
        options = [f"--gpu-architecture={architecture}", *OPTIONS]
        options = (ctypes.c_char_p * len(options))(*[option.encode() for option in options])
        self.call("nvrtcCreateProgram", ctypes.byref(program), source.encode(), b"kernel.cu", 1,
                  (ctypes.c_char_p * 1)(self.header), (ctypes.c_char_p * 1)(b"msl-to-cuda.h"))
        failed = self.call("nvrtcCompileProgram", program, len(options), options)
        log = self.text(program, "ProgramLog").rstrip(b"\0").decode()
        if failed:
            raise RuntimeError(log)
        code = self.text(program, "CUBIN")
        self.call("nvrtcDestroyProgram", ctypes.byref(program))
        return numbers(log, self.disassembled(code))

    def disassembled(self, code):
        """The text of machine code."""
        with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
            file.write(code)
            file.flush()
            return subprocess.run([self.disassembler, "-c", file.name], check=True, capture_output=True, text=True).stdout


def numbers(log, text):
    """What the assembler says, and how many of the disassembler's instructions do what."""
    names, labels, jumps = [], {}, {}
    for line in text.splitlines():
        if label := re.match(r"(\.L\w+):", line):
            labels[label[1]] = len(names)
        elif found := re.match(r"\s+/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+ +)?([A-Z][\w.]*)(?:.*`\((\.L\w+)\))?", line):
            # Some architectures leave a loop by a call without a return.
            if found[1].startswith(("BRA", "CALL")) and labels.get(found[2], len(names)) < len(names):
                jumps[labels[found[2]]] = len(names)
            if found[1] != "NOP":
                names.append(found[1])
    # Loops (first instruction: last) that hold no other.
    inner = [name for first, last in jumps.items() if not any(first < other <= last for other in jumps)
             for name in names[first:last + 1]]
    if any(re.match(r"D(ADD|MUL|FMA|SETP)", name) for name in names) or log.count("Function properties for") != 1:
        raise RuntimeError("found 64-bit arithmetic or a second function, expected neither")

    def said(pattern):
        # Spills are not mentioned where there are none in some versions.
        found = re.search(pattern, log)
        return int(found[1]) if found else 0

    return {
        "registers": int(re.search(r"Used (\d+) registers", log)[1]),
        "spill_store_bytes": said(r"(\d+) bytes spill stores"),
        "spill_load_bytes": said(r"(\d+) bytes spill loads"),
        "stack_bytes": said(r"(\d+) bytes stack frame"),
        "workgroup_bytes": said(r"(\d+) bytes smem"),
        "instructions": len(names),
        "multiply_adds": sum(name.startswith("FFMA") for name in names),
        "inner_loop_instructions": len(inner),
        "inner_loop_multiply_adds": sum(name.startswith("FFMA") for name in inner),
    }


def main():
    if len(sys.argv) < 4:
        print(__doc__, file=sys.stderr)
        return 2
    tools, architecture, *paths = sys.argv[1:]
    try:
        compiler = Compiler(tools)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"NVIDIA's compiler: {error}", file=sys.stderr)
        return 2
    try:
        compiler.check(architecture)
    except RuntimeError as error:
        print(f"{architecture}: the sample: {str(error).strip()}", file=sys.stderr)
        return 1
    print(json.dumps({"compiler": compiler.name}))
    failed = False
    for path in paths:
        # Metal is told the size of a workgroup elsewhere.
        folder, name = os.path.split(path.removesuffix(".metal"))
        started = time.perf_counter()
        try:
            with open(path) as file, open(os.path.join(folder, "..", "hlsl", f"{name}.hlsl")) as hlsl:
                lanes = int(re.search(r"numthreads\((\d+), 1, 1\)", hlsl.read())[1])
                row = compiler.compile(cuda(file.read(), lanes), architecture)
            row = {"file": path, "seconds": round(time.perf_counter() - started, 3), **row}
        except (OSError, RuntimeError) as error:
            failed, row = True, {"file": path, "error": str(error)}
        print(json.dumps(row), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
