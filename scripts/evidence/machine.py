"""What Vulkan needs that this machine may lack."""

import os
import platform
import subprocess
import sys
from pathlib import Path

from evidence.common import HERE, Problem, write_json
from evidence.programs import provenance


def loads(library):
    """Tells whether a library loads, in a process that may fail."""
    code = f"import ctypes; ctypes.CDLL({library!r})"
    return subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL, check=False).returncode == 0


def prepare_vulkan(out):
    """Environment variables without which Vulkan does not find its loader or NVIDIA's driver, and a note on each."""
    variables, notes = {}, []
    if not sys.platform.startswith("linux"):
        return variables, notes
    packed = HERE / "lib"
    if not loads("libvulkan.so.1"):
        if (packed / "libvulkan.so.1").exists():
            paths = [str(packed), os.environ.get("LD_LIBRARY_PATH", "")]
            variables["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, paths))
            notes.append("no Vulkan loader here: the tarball's libvulkan.so.1 was used")
        else:
            notes.append("no Vulkan loader here (libvulkan.so.1)")
    folders = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d"]
    manifests = [path for folder in folders for path in Path(folder).glob("nvidia*.json")]
    is_given = any(name in os.environ for name in ("VK_DRIVER_FILES", "VK_ICD_FILENAMES"))
    if Path("/dev/nvidiactl").exists() and not manifests and not is_given:
        if loads("libGLX_nvidia.so.0"):
            driver = {"library_path": "libGLX_nvidia.so.0", "api_version": "1.3.0"}
            write_json(out / "nvidia_icd.json", {"file_format_version": "1.0.0", "ICD": driver})
            for name in ("VK_DRIVER_FILES", "VK_ICD_FILENAMES"):
                variables[name] = str(out / "nvidia_icd.json")
            notes.append("NVIDIA's driver had no manifest for Vulkan: nvidia_icd.json of this folder was used")
        else:
            notes.append(
                "found an NVIDIA device without libGLX_nvidia.so.0, its Vulkan driver; a container needs "
                "NVIDIA_DRIVER_CAPABILITIES=all"
            )
    return variables, notes


def check_glibc():
    needed = provenance().get("glibc")
    name, here = platform.libc_ver()
    if needed and name == "glibc" and [*map(int, here.split("."))] < [*map(int, needed.split("."))]:
        raise Problem(f"found glibc {here}, expected {needed} or newer: pack on an older system")
