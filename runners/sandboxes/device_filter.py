"""Give a cgroup the device filter of another one (cgroup v2).

Theory of operation. Under version 2 there is no devices controller: which device files a container may open is
decided by BPF programs that its runtime, systemd and the NVIDIA toolkit attach to its cgroup. They hold for who is in
it or below it. Whoever moves a process elsewhere must take them along: the kernel is asked which programs hold for a
cgroup, those of its ancestors too, and the very same programs are attached to the other one. They all have to agree,
there as here.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from collections.abc import Iterator
from pathlib import Path

_NUMBER = {"x86_64": 321, "aarch64": 280}  # of bpf(2)
_PROG_ATTACH, _PROG_GET_FD_BY_ID, _PROG_QUERY = 8, 13, 16
_CGROUP_DEVICE, _QUERY_EFFECTIVE, _ALLOW_MULTI = 6, 1, 2
_MOST = 64  # the kernel's own limit for one cgroup
_libc = ctypes.CDLL(None, use_errno=True)


def copy(source: Path, target: Path) -> int:
    """Attach what filters devices for `source` to `target`, too; how many programs that are. Raises OSError."""
    with _opened(source) as taken_from, _opened(target) as given_to:
        programs = _programs(taken_from)
        for program in programs:
            _attach(given_to, program)
    return len(programs)


def _programs(cgroup: int) -> list[int]:
    """The ids of all programs that filter devices for this cgroup, its ancestors' as well."""
    ids = (ctypes.c_uint32 * _MOST)()
    asked = struct.pack(
        "=IIIIQI", cgroup, _CGROUP_DEVICE, _QUERY_EFFECTIVE, 0, ctypes.addressof(ids), len(ids)
    )
    _, answer = call(_PROG_QUERY, asked)
    count: int = struct.unpack_from("=I", answer, 24)[0]
    return list(ids[:count])


def _attach(cgroup: int, program: int) -> None:
    handle, _ = call(_PROG_GET_FD_BY_ID, struct.pack("=III", program, 0, 0))
    try:
        call(_PROG_ATTACH, struct.pack("=IIIII", cgroup, handle, _CGROUP_DEVICE, _ALLOW_MULTI, 0))
    finally:
        os.close(handle)


def call(command: int, attributes: bytes) -> tuple[int, bytes]:
    """bpf(2): what it returned, and the attributes that the kernel may have filled in."""
    number = _NUMBER.get(os.uname().machine)
    if number is None:
        raise OSError(f"the number of bpf(2) on {os.uname().machine} is not known here")
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    found: int = _libc.syscall(number, command, buffer, len(attributes))
    if found < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"bpf({command}): {os.strerror(code)}")
    return found, buffer.raw


@contextlib.contextmanager
def _opened(directory: Path) -> Iterator[int]:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield handle
    finally:
        os.close(handle)
