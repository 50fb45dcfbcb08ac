"""What a run gets of the host to use its leased devices: device files, the driver's user libraries, a way to sample.

Theory of operation. A CUDA program needs the device files of its devices and libcuda, which belongs to the
host's driver, not to an environment. Below /usr it is in every sandbox already, and the copied ld.so.cache
finds it; where it lies elsewhere its folder is bound at its own place. CUDA counts only what
CUDA_VISIBLE_DEVICES names, but that is for the program's comfort: the device files that are not bound are what
keeps it off other runs' devices.
"""

from __future__ import annotations

import dataclasses
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runners.gpu.driver import Device

LIBRARY = "libcuda.so.1"
PLACES = (
    "/usr/local/nvidia/lib64",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib/x86_64-linux-gnu/nvidia/current",
    "/usr/lib/wsl/lib",
    "/opt/nvidia/lib64",
    "/home/kubernetes/bin/nvidia/lib64",
)
# Topology that CUDA and NCCL read; nothing in them is of a person or a run.
SYSTEM = (
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
    "/sys/module/nvidia",
    "/sys/module/nvidia_uvm",
)
_CACHED = re.compile(rf"^\s*{re.escape(LIBRARY)} \(([^)]*)\) => (/\S+)$", re.MULTILINE)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Of the devices that one run has leased."""

    nodes: tuple[str, ...] = ()  # device files
    folders: tuple[str, ...] = ()  # read-only, at their own places
    library_path: str = ""  # LD_LIBRARY_PATH, where no ld.so.cache leads to the driver's libraries
    source: str = ""  # for runners.gpu.choice: how the shim samples; empty: it does not
    pynvml: str = ""

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Access:
        return cls(**{**raw, "nodes": tuple(raw["nodes"]), "folders": tuple(raw["folders"])})


def access_to(
    devices: Sequence[Device], *, source: str, pynvml: str = "", in_container: bool = False
) -> Access:
    """What a run on these devices needs of this host; of listed devices only what the list says.

    Into a container NVIDIA's toolkit brings all of it, and an image may have an LD_LIBRARY_PATH of its own.
    """
    if in_container:
        return Access(source=source, pynvml=pynvml)
    nodes = tuple(dict.fromkeys(node for device in devices for node in device.nodes))
    if not any(node.startswith("/dev/nvidia") for node in nodes):
        return Access(nodes=nodes, source=source, pynvml=pynvml)
    folder, cached = driver_folder()
    folders = [path for path in SYSTEM if Path(path).is_dir()]
    if folder and not folder.startswith("/usr/"):
        folders.append(folder)
    return Access(
        nodes=nodes,
        folders=tuple(folders),
        library_path="" if cached else folder,
        source=source,
        pynvml=pynvml,
    )


def driver_folder(places: Sequence[str] = PLACES) -> tuple[str, bool]:
    """The folder of libcuda ("" when there is none), and whether the linker finds it there by itself."""
    found = [path for flavour, path in _CACHED.findall(_linker_cache()) if "64" in flavour]
    if found:
        return str(Path(found[0]).parent), True
    return next((place for place in places if Path(place, LIBRARY).exists()), ""), False


def _linker_cache() -> str:
    try:
        done = subprocess.run(
            ["/sbin/ldconfig", "-p"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout
