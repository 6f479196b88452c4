"""The programs: built in a checkout, packed, or those of the tarball."""

import json
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from evidence.common import HERE, IS_PACKED, SUFFIX, Problem, output_of, today

MOST_PACKED_BYTES = 60_000_000
TESTS = ("kernels", "gpu", "engines")
PROGRAMS = ("gpu-train", *TESTS)
LAUNCHER = """#!/bin/sh
# Starts gpu-evidence with the first Python that is new enough.
here=$(dirname "$0")
for python in python3 python; do
  if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null; then
    exec "$python" "$here/gpu-evidence" "$@"
  fi
done
echo "run: found no python3, expected Python 3.8 or newer (its standard library is enough)" >&2
exit 1
"""


def build(profile):
    """Builds the programs in a checkout, and makes the peers' work; their paths by name."""
    root = HERE.parent
    paths = {}
    tests = [word for name in TESTS for word in ("--test", name)]
    for command in (
        ["build", "--bin", "gpu-train", "--example", "peer_work"],
        ["test", "--no-run", *tests],
    ):
        command = ["cargo", *command, "--locked", "--profile", profile, "--message-format", "json-render-diagnostics"]
        try:
            done = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, check=False)
        except OSError as error:
            raise Problem(f"cargo: {error}; scripts/gpu-evidence builds with it, `run` of the tarball does not") from error
        if done.returncode:
            raise Problem(f"{shlex.join(command)}: failed with status {done.returncode}")
        for line in done.stdout.splitlines():
            message = json.loads(line)
            if message.get("executable"):
                paths[message["target"]["name"]] = Path(message["executable"])
    work = paths["gpu-train"].parents[1] / "peers/work.safetensors"
    peer_work = paths["peer_work"]
    # The reference's results take seconds.
    if not work.exists() or work.stat().st_mtime < peer_work.stat().st_mtime:
        work.parent.mkdir(exist_ok=True)
        done = subprocess.run([str(peer_work), str(work)], stdout=sys.stderr, check=False)
        if done.returncode:
            raise Problem(f"peer_work: failed with status {done.returncode}")
    return {**{name: paths[name] for name in PROGRAMS}, "work": work}


def programs(profile):
    if not IS_PACKED:
        return build(profile)
    return {**{name: HERE / "bin" / f"{name}{SUFFIX}" for name in PROGRAMS}, "work": HERE / "work.safetensors"}


def provenance():
    """Where the programs come from: of a tarball, the machine that packed it."""
    if IS_PACKED:
        return json.loads((HERE / "pack.json").read_text())
    return {
        "commit": output_of("git", "describe", "--always", "--dirty", "--abbrev=12") or "unknown",
        "platform": f"{platform.system()} {platform.machine()}",
    }


def pack(given):
    """Writes the tarball."""
    target = Path(given.pack or "gpu-evidence.tar.gz").absolute()
    if not target.parent.is_dir():
        raise Problem(f"--pack: found no folder {target.parent}, expected the one to write {target.name} into")
    built = build(given.profile)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "gpu-evidence"
        for part in ("bin", "lib"):
            (folder / part).mkdir(parents=True)
        glibc = 0
        shutil.copy2(built.pop("work"), folder)
        for name, path in built.items():
            copy = folder / "bin" / f"{name}{SUFFIX}"
            shutil.copy2(path, copy)
            if shutil.which("strip"):
                subprocess.run(["strip", str(copy)], check=True)
            versions = re.findall(rb"GLIBC_2\.(\d+)", copy.read_bytes())
            glibc = max([glibc, *map(int, versions)])
        shutil.copy2(HERE / "gpu-evidence", folder)
        shutil.copytree(HERE / "evidence", folder / "evidence", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "run").write_text(LAUNCHER)
        (folder / "run").chmod(0o755)
        root = HERE.parent
        shutil.copytree(root / "benches/peers", folder / "peers", ignore=shutil.ignore_patterns("burn", "__pycache__"))
        for name in ("LICENSE", "docs/your-gpu.md"):
            shutil.copy2(root / name, folder)
        loader = re.search(r"libvulkan\.so\.1 \(libc6,(?:x86-64|AArch64).* => (\S+)", output_of("ldconfig", "-p"))
        if loader:
            shutil.copy2(loader[1], folder / "lib/libvulkan.so.1")
            licence = Path("/usr/share/doc/libvulkan1/copyright")
            if licence.exists():
                shutil.copy2(licence, folder / "lib/libvulkan1-copyright")
        made = {**provenance(), "profile": given.profile, "date": today(), "glibc": f"2.{glibc}" if glibc else None}
        (folder / "pack.json").write_text(json.dumps(made, indent=1) + "\n")
        unfinished = target.with_name(target.name + ".new")
        with tarfile.open(unfinished, "w:gz") as archive:
            archive.add(folder, "gpu-evidence", filter=nobodys)
    size = unfinished.stat().st_size
    if size >= MOST_PACKED_BYTES:
        unfinished.unlink()
        raise Problem(f"--pack: found {size / 1e6:.1f} MB, expected less than {MOST_PACKED_BYTES / 1e6:.0f} MB")
    unfinished.replace(target)
    print(f"{target}: {size / 1e6:.1f} MB. On the machine with the GPU: tar xzf {target.name}; gpu-evidence/run")


def nobodys(member):
    """Without the packing user's name."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
