"""Preflight's row about GPUs; none on a host without."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path

from runners.gpu.choice import chosen, open_driver
from runners.gpu.driver import Device, DriverError
from runners.sandboxes.choice import Sandbox
from runners.sandboxes.probing import Row, Status

_FOR_ALL = stat.S_IROTH | stat.S_IWOTH


def check(sandbox: Sandbox) -> list[Row]:
    """What a run could be promised of this host's devices in this sandbox."""
    try:
        driver = open_driver(chosen())
        devices = driver.devices() if driver else []
    except (DriverError, ValueError) as error:
        return [_note(str(error), "mend the driver, or set PODIUM_GPUS=none")]
    if not devices:
        return []
    if sandbox is Sandbox.RUNSC:
        return [
            _note(f"{len(devices)} devices, for none of its runs", "give GPU tasks a pool without gVisor")
        ]
    if advice := _advice(devices):
        return [_note(f"{len(devices)} devices", advice)]
    names = ", ".join(sorted({device.name for device in devices}))
    version = f", driver {devices[0].driver}" if devices[0].driver else ""
    how = f"{len(devices)} devices ({names}{version}), each leased to one run"
    return [Row(limit="GPUs", enforced_by=how, status=Status.HARD)]


def _advice(devices: Sequence[Device]) -> str:
    for node in sorted({node for device in devices for node in device.nodes}):
        path = Path(node)
        if not path.exists():
            return f"{node} is missing: run nvidia-modprobe -u -c 0, at each boot"
        if path.stat().st_mode & _FOR_ALL != _FOR_ALL:
            return f"{node} is not for all to read and write: chmod 0666, as the driver does by itself"
    return ""


def _note(what: str, advice: str) -> Row:
    return Row(limit="GPUs", enforced_by=what, status=Status.NOTE, advice=advice)
