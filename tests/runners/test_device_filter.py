"""The filter of devices of one cgroup is given to another: real programs in the real kernel, of v1 hosts as well."""

from __future__ import annotations

import ctypes
import os
import struct
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from runners.sandboxes import device_filter
from tests.runners.sandbox_stage import needs_cgroup

pytestmark = [pytest.mark.sandbox, needs_cgroup]
_PROG_LOAD, _PROG_ATTACH, _CGROUP_DEVICE, _TYPE_CGROUP_DEVICE, _ALLOW_MULTI = 5, 8, 6, 15, 2
_RETURN_0 = bytes.fromhex("b7000000000000009500000000000000")  # no device may be opened


@pytest.fixture
def top(tmp_path: Path) -> Iterator[Path]:
    """A directory of a cgroup2 hierarchy; there is one on hosts of version 1 as well, without controllers."""
    mount = tmp_path / "cgroup2"
    mount.mkdir()
    subprocess.run(["mount", "-t", "cgroup2", "none", mount], check=True)
    made = mount / f"test-{uuid.uuid4().hex}"
    made.mkdir()
    try:
        yield made
    finally:
        for path in sorted(made.rglob("*/"), reverse=True):
            path.rmdir()
        made.rmdir()
        subprocess.run(["umount", mount], check=True)


def _deny_all(cgroup: Path) -> None:
    code = ctypes.create_string_buffer(_RETURN_0, len(_RETURN_0))
    licence = ctypes.create_string_buffer(b"Apache-2.0")
    loaded = struct.pack(
        "=IIQQIIQI",
        _TYPE_CGROUP_DEVICE,
        len(_RETURN_0) // 8,
        ctypes.addressof(code),
        ctypes.addressof(licence),
        0,
        0,
        0,
        0,
    )
    program, _ = device_filter.call(_PROG_LOAD, loaded)
    directory = os.open(cgroup, os.O_RDONLY)
    try:
        attached = struct.pack("=IIIII", directory, program, _CGROUP_DEVICE, _ALLOW_MULTI, 0)
        device_filter.call(_PROG_ATTACH, attached)
    finally:
        os.close(directory)
        os.close(program)


def _may_open_a_device(cgroup: Path) -> bool:
    def enter() -> None:
        (cgroup / "cgroup.procs").write_text("0")

    told = subprocess.run(
        ["sh", "-c", "exec 3</dev/null"],
        preexec_fn=enter,
        check=False,
        capture_output=True,
    )
    return told.returncode == 0


def test_what_filters_devices_for_a_cgroup_or_above_it_filters_them_for_the_other_one(top: Path) -> None:
    above, target = top / "above", top / "target"
    source = above / "source"
    source.mkdir(parents=True)
    target.mkdir()
    _deny_all(above)
    assert _may_open_a_device(target)
    assert device_filter.copy(source, target) == 1
    assert not _may_open_a_device(target)


def test_where_nothing_filters_devices_there_is_nothing_to_give(top: Path) -> None:
    source, target = top / "source", top / "target"
    source.mkdir()
    target.mkdir()
    assert device_filter.copy(source, target) == 0
    assert _may_open_a_device(target)


def test_a_cgroup_that_is_gone_is_an_error(top: Path) -> None:
    with pytest.raises(FileNotFoundError):
        device_filter.copy(top / "gone", top)
