#!/usr/bin/env python3
"""Compiles SPIR-V compute shaders for AMD GPUs with Mesa's own compiler (ACO), without a GPU, and prints what it says.

    compile-for-amd.py FAMILY FILE.spv ...

Mesa's RADV driver has a null device for each family of GPUs (gfx900, navi21, gfx1100, ...): it makes pipelines and runs
nothing. VK_KHR_pipeline_executable_properties tells registers, spills and instructions. Prints one JSON object for the driver,
{"compiler": ...}, and one per file: {"file": ..., "seconds": ..., and the numbers}, with "error" instead of the numbers if the
driver refused. Exit status: 0 all compiled, 1 some did not, 2 no such driver here.
"""

import ctypes
import json
import os
import struct
import sys
import time
from ctypes import Structure, byref, c_char, c_char_p, c_int32, c_size_t, c_uint32, c_uint64, c_void_p

DRIVERS = "/usr/share/vulkan/icd.d"
# Name here: name in the driver's statistics.
NUMBERS = {
    "registers": "VGPRs",
    "spilled_registers": "Spilled VGPRs",
    "spilled_scalar_registers": "Spilled SGPRs",
    "workgroup_bytes": "LDS size",
    "instructions": "Instructions",
    "latency_cycles": "Latency",
}
EXTENSION = b"VK_KHR_pipeline_executable_properties"
# VkStructureType
APPLICATION_INFO, INSTANCE, QUEUE, DEVICE = 0, 1, 2, 3
SHADER_MODULE, PIPELINE_STAGE, COMPUTE_PIPELINE, PIPELINE_LAYOUT, SET_LAYOUT = 16, 18, 29, 30, 32
EXECUTABLE_FEATURES, PIPELINE_INFO, EXECUTABLE_PROPERTIES, EXECUTABLE_INFO, STATISTIC = (
    1000269000, 1000269001, 1000269002, 1000269003, 1000269004)
PROPERTIES, DRIVER = 1000059001, 1000196000
CAPTURE_STATISTICS = 0x40
COMPUTE_STAGE = 0x20
UNIFORM_BUFFER, STORAGE_BUFFER = 6, 7
VULKAN_1_3 = 1 << 22 | 3 << 12


def structure(name, *fields):
    """A structure whose first fields are its type and the next structure."""
    head = [("type", c_uint32), ("next", c_void_p)]
    return type(name, (Structure,), {"_fields_": head + list(fields)})


Application = structure("Application", ("name", c_char_p), ("version", c_uint32), ("engine", c_char_p),
                        ("engine_version", c_uint32), ("api", c_uint32))
Instance = structure("Instance", ("flags", c_uint32), ("application", c_void_p), ("layers", c_uint32),
                     ("layer_names", c_void_p), ("extensions", c_uint32), ("extension_names", c_void_p))
Queue = structure("Queue", ("flags", c_uint32), ("family", c_uint32), ("count", c_uint32), ("priorities", c_void_p))
Device = structure("Device", ("flags", c_uint32), ("queues", c_uint32), ("queue", c_void_p), ("layers", c_uint32),
                   ("layer_names", c_void_p), ("extensions", c_uint32), ("extension_names", c_void_p),
                   ("features", c_void_p))
Features = structure("Features", ("on", c_uint32))
Module = structure("Module", ("flags", c_uint32), ("size", c_size_t), ("code", c_char_p))
SetLayout = structure("SetLayout", ("flags", c_uint32), ("count", c_uint32), ("bindings", c_void_p))
Layout = structure("Layout", ("flags", c_uint32), ("sets", c_uint32), ("set", c_void_p), ("ranges", c_uint32),
                   ("range", c_void_p))
Stage = structure("Stage", ("flags", c_uint32), ("stage", c_uint32), ("module", c_uint64), ("name", c_char_p),
                  ("specialization", c_void_p))
Pipeline = structure("Pipeline", ("flags", c_uint32), ("stage", Stage), ("layout", c_uint64), ("base", c_uint64),
                     ("base_index", c_int32))
OfPipeline = structure("OfPipeline", ("pipeline", c_uint64))
OfExecutable = structure("OfExecutable", ("pipeline", c_uint64), ("index", c_uint32))
Driver = structure("Driver", ("id", c_uint32), ("name", c_char * 256), ("info", c_char * 256), ("conformance", c_uint32))
# The device's own properties and limits, which are not read: larger than they are.
Properties = structure("Properties", ("rest", c_uint64 * 512))
Statistic = structure("Statistic", ("name", c_char * 256), ("description", c_char * 256), ("format", c_uint32),
                      ("value", c_uint64))


class Binding(Structure):
    _fields_ = [("binding", c_uint32), ("type", c_uint32), ("count", c_uint32), ("stages", c_uint32),
                ("samplers", c_void_p)]


class Vulkan:
    """A device of the null driver."""

    def __init__(self):
        self.library = ctypes.CDLL("libvulkan.so.1")
        application = Application(APPLICATION_INFO, None, b"compile-for-amd", 0, None, 0, VULKAN_1_3)
        instance = Instance(INSTANCE, None, 0, ctypes.addressof(application))
        made = c_void_p()
        self.call("vkCreateInstance", byref(instance), None, byref(made))
        count, found = c_uint32(1), c_void_p()
        self.library.vkEnumeratePhysicalDevices(made, byref(count), byref(found))
        if not count.value:
            raise OSError("no device")
        driver = Driver(DRIVER)
        self.library.vkGetPhysicalDeviceProperties2(found, byref(Properties(PROPERTIES, ctypes.addressof(driver))))
        self.driver = f"{driver.name.decode()}, {driver.info.decode()}"
        priority = ctypes.c_float(1.0)
        queue = Queue(QUEUE, None, 0, 0, 1, ctypes.addressof(priority))
        names = (c_char_p * 1)(EXTENSION)
        features = Features(EXECUTABLE_FEATURES, None, 1)
        device = Device(DEVICE, ctypes.addressof(features), 0, 1, ctypes.addressof(queue), 0, None, 1,
                        ctypes.addressof(names), None)
        self.device = c_void_p()
        self.call("vkCreateDevice", found, byref(device), None, byref(self.device))
        self.library.vkGetDeviceProcAddr.restype = c_void_p
        address = self.library.vkGetDeviceProcAddr(self.device, b"vkGetPipelineExecutableStatisticsKHR")
        kind = ctypes.CFUNCTYPE(c_int32, c_void_p, c_void_p, c_void_p, c_void_p)
        self.statistics_of = kind(address)

    def call(self, name, *arguments):
        code = getattr(self.library, name)(*arguments)
        if code != 0:
            raise RuntimeError(f"{name}: VkResult {code}")

    def compile(self, code):
        """The numbers of a shader, and the seconds of its compilation."""
        module, set_layout, layout, pipeline = c_uint64(), c_uint64(), c_uint64(), c_uint64()
        bindings = [Binding(number, kind, 1, COMPUTE_STAGE, None) for number, kind in sorted(bindings_of(code).items())]
        bindings = (Binding * len(bindings))(*bindings)
        self.call("vkCreateDescriptorSetLayout", self.device,
                  byref(SetLayout(SET_LAYOUT, None, 0, len(bindings), ctypes.addressof(bindings))), None, byref(set_layout))
        self.call("vkCreatePipelineLayout", self.device,
                  byref(Layout(PIPELINE_LAYOUT, None, 0, 1, ctypes.addressof(set_layout), 0, None)), None, byref(layout))
        self.call("vkCreateShaderModule", self.device, byref(Module(SHADER_MODULE, None, 0, len(code), code)), None,
                  byref(module))
        stage = Stage(PIPELINE_STAGE, None, 0, COMPUTE_STAGE, module, b"main", None)
        created = Pipeline(COMPUTE_PIPELINE, None, CAPTURE_STATISTICS, stage, layout, 0, -1)
        started = time.perf_counter()
        self.call("vkCreateComputePipelines", self.device, c_uint64(0), 1, byref(created), None, byref(pipeline))
        seconds = time.perf_counter() - started
        count = c_uint32()
        of = byref(OfExecutable(EXECUTABLE_INFO, None, pipeline, 0))
        self.statistics_of(self.device, of, byref(count), None)
        found = (Statistic * count.value)(*[Statistic(STATISTIC) for _ in range(count.value)])
        self.statistics_of(self.device, of, byref(count), found)
        statistics = {statistic.name.decode(): number(statistic) for statistic in found}
        return seconds, {ours: statistics[theirs] for ours, theirs in NUMBERS.items()}


def number(statistic):
    """The value, by its format: bool, i64, u64 or f64."""
    value = struct.pack("<Q", statistic.value)
    return struct.unpack("<" + ["?7x", "q", "Q", "d"][statistic.format], value)[0]


def bindings_of(code):
    """Type of each binding of set 0, from the decorations and variables."""
    words = struct.unpack(f"<{len(code) // 4}I", code)
    numbers, kinds, at = {}, {}, 5
    while at < len(words):
        length, operation = words[at] >> 16, words[at] & 0xFFFF
        if operation == 71 and words[at + 2] == 33:
            numbers[words[at + 1]] = words[at + 3]
        elif operation == 59 and words[at + 3] in (2, 12):
            kinds[words[at + 2]] = UNIFORM_BUFFER if words[at + 3] == 2 else STORAGE_BUFFER
        at += length
    return {numbers[variable]: kind for variable, kind in kinds.items()}


def driver():
    """The file that names RADV to Vulkan's loader."""
    if os.path.isdir(DRIVERS):
        found = [name for name in sorted(os.listdir(DRIVERS)) if name.startswith("radeon_icd")]
        return os.path.join(DRIVERS, found[0]) if found else None
    return None


def main():
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    found = driver()
    if found is None:
        print(f"no driver radeon_icd*.json in {DRIVERS} (Debian: mesa-vulkan-drivers)", file=sys.stderr)
        return 2
    os.environ.update(RADV_FORCE_FAMILY=sys.argv[1], VK_DRIVER_FILES=found, VK_ICD_FILENAMES=found,
                      MESA_SHADER_CACHE_DISABLE="true")
    try:
        vulkan = Vulkan()
    except (OSError, RuntimeError) as error:
        print(f"RADV's null device {sys.argv[1]}: {error}", file=sys.stderr)
        return 2
    print(json.dumps({"compiler": vulkan.driver}))
    failed = False
    for path in sys.argv[2:]:
        with open(path, "rb") as file:
            code = file.read()
        try:
            seconds, numbers = vulkan.compile(code)
            row = {"file": path, "seconds": round(seconds, 3), **numbers}
        except RuntimeError as error:
            failed, row = True, {"file": path, "error": str(error)}
        print(json.dumps(row), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
