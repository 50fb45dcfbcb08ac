"""From PODIUM_GPUS to a driver.

auto                          every device of NVIDIA's driver; none where there is no driver (the default)
0,1 or GPU-…,MIG-…            those of NVIDIA's driver alone, by index or UUID
fake0:16384,fake1:16384       a list, for tests and for hosts without a GPU (runners/gpu/listed.py)
table:/path.json              the same from a file
none                          none
"""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path

from runners.gpu.driver import Driver
from runners.gpu.listed import Listed, Table
from runners.gpu.nvml import Nvml

AUTO, NONE = "auto", "none"
_TABLE = "table:"
# Where NVIDIA's kernel driver is loaded one of them is there; elsewhere nobody need be asked again and again.
_LOADED = (Path("/proc/driver/nvidia/version"), Path("/dev/nvidiactl"))
_NVIDIA = re.compile(r"\d{1,3}|(GPU|MIG)-[0-9A-Za-z-]{1,80}")


def open_driver(text: str, pynvml: str = "") -> Driver | None:
    """The driver that the setting names; None when it names none. Raises ValueError with a sentence.

    `pynvml` is the file of that module, for a process that does not see installed packages.
    """
    text = text.strip()
    if text in {"", NONE}:
        return None
    if text.startswith(_TABLE):
        path = Path(text.removeprefix(_TABLE))
        if not path.is_absolute():
            raise ValueError(f'"{text}" must name the table by its whole path')
        return Table(path)
    if ":" in text:
        return Listed.read(text)
    if text == AUTO and not any(path.exists() for path in _LOADED):
        return None
    names = frozenset() if text == AUTO else frozenset(piece.strip() for piece in text.split(","))
    if wrong := next((name for name in names if not _NVIDIA.fullmatch(name)), None):
        raise ValueError(f'"{wrong}" is neither auto, an index, a UUID nor <id>:<MB of memory>')
    return Nvml(pynvml or pynvml_file(), names)


def chosen() -> str:
    """The setting of this process."""
    return os.environ.get("PODIUM_GPUS", "").strip() or AUTO  # noqa: TID251 - as the agent's settings read it


def pynvml_file() -> str:
    """Where nvidia-ml-py is installed; empty when it is not."""
    found = importlib.util.find_spec("pynvml")
    return (found.origin or "") if found else ""
