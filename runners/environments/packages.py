"""Running uv and reading its progress.

Theory of operation. uv says how many bytes of which wheel have come only to a terminal, so it gets one: a
pseudo-terminal whose output is read here, control sequences and all, and thrown away but for three things:
counts (`Preparing packages... (3/10)`), bars (`numpy ---- 8.2 MiB/16.1 MiB`) and, when it fails, its last
words. None of this decides anything: were uv to change its drawing, progress would move in larger steps and
the build would do the same.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Callable, Mapping
from pathlib import Path

from runners.environments.failures import explain

Report = Callable[[float, str], None]  # share of the work done, 0 to 1, and what is going on

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")
_COUNT = re.compile(r"(Preparing|Installing|Building)[^()\r\n]*\((\d+)/(\d+)\)|(Resolving)")
_BAR = re.compile(r"(\S+)\s+-{3,}\s+([\d.]+) ?([KMG]i)?B/([\d.]+) ?([KMG]i)?B")
_REDRAWN = re.compile(r"\s*[\u2800-\u28ff]|.* -{30} ")  # lines with a spinner or a bar
_UNIT = {None: 1, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "": 1}
_KEPT_OUTPUT = 64 * 1024

# Starts uv so that it dies with this process. A tiny program of its own, because code between fork and exec
# of a process with threads may deadlock. Elsewhere than on Linux uv outlives a killed builder, holding its
# lock.
_DIE_WITH_PARENT = """
import ctypes, os, sys
try:
    ctypes.CDLL(None).prctl(1, 15)
except (AttributeError, OSError):
    pass
os.execv(sys.argv[1], sys.argv[1:])
"""


class UvFailedError(Exception):
    """uv ended with an error; the text is what it printed, as plain text."""


def uv_program() -> str:
    """The uv beside the running interpreter, else on PATH. Raises UvFailedError when there is none."""
    found = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if found is None:
        raise UvFailedError("error: uv is not installed: run `make setup`")
    return found


def base_python() -> str:
    """The interpreter beneath the one running Podium: a venv built on another venv would die with it."""
    beneath: str = getattr(sys, "_base_executable", sys.executable)
    return os.path.realpath(beneath)


def uv_environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """What uv shall see: the operator's own uv settings, and pip's settings where uv has none of its own.

    pip separates several values by spaces; uv separates indexes by spaces and find-links by commas.
    """
    environment = dict(inherited)
    for ours, theirs in (
        ("UV_DEFAULT_INDEX", "PIP_INDEX_URL"),
        ("UV_INDEX", "PIP_EXTRA_INDEX_URL"),
        ("SSL_CERT_FILE", "PIP_CERT"),
    ):
        if theirs in inherited:
            environment.setdefault(ours, inherited[theirs])
    if "PIP_FIND_LINKS" in inherited:
        environment.setdefault("UV_FIND_LINKS", ",".join(inherited["PIP_FIND_LINKS"].split()))
    environment |= {"TERM": "xterm", "UV_NO_CONFIG": "1", "UV_PYTHON_DOWNLOADS": "never", "LC_ALL": "C.UTF-8"}
    for theirs in ("UV_NO_PROGRESS", "UV_QUIET", "UV_PROJECT_ENVIRONMENT", "VIRTUAL_ENV", "NO_COLOR"):
        environment.pop(theirs, None)
    return environment


def run_uv(arguments: list[str], report: Report, *, keep_open: tuple[int, ...] = ()) -> None:
    """Run uv to its end, telling `report` how far it is; descriptors `keep_open` stay open in it.

    Raises UvFailedError with uv's output. Whatever ends this function ends uv, too.
    """
    command = [sys.executable, "-I", "-c", _DIE_WITH_PARENT, uv_program(), *arguments]
    reading, writing = _terminal()
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=writing,
        env=uv_environment(os.environ),  # noqa: TID251  handed on whole: uv has its own settings there
        umask=0o022,  # the sandbox's uid must be able to read the environment
        pass_fds=keep_open,
    ) as process:
        os.close(writing)
        try:
            output = _read(reading, report)
        finally:
            os.close(reading)
            if process.poll() is None and sys.exc_info()[0] is not None:
                process.terminate()
    if process.returncode != 0:
        raise UvFailedError(output)


def fetch(subject: str, requirements: Path, target: Path) -> None:
    """Unpack the wheels that `requirements` (all hashed) name into directory `target`, and run none of it.

    All or nothing: `target` appears when it is complete. Raises BuildError with one line about `subject`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        half = Path(scratch) / "packages"
        command = ["pip", "install", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
        try:
            run_uv([*command, "--target", str(half), "-r", str(requirements)], lambda _share, _step: None)
        except UvFailedError as error:
            raise explain(subject, str(error)) from error
        shutil.rmtree(target, ignore_errors=True)
        half.rename(target)


def _terminal() -> tuple[int, int]:
    """The reading and the writing end of a pseudo-terminal so wide that nothing wraps, or of a pipe."""
    try:
        reading, writing = os.openpty()
    except OSError:  # no pseudo-terminals in this container: progress comes in larger steps
        return os.pipe()
    fcntl.ioctl(writing, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 1000, 0, 0))
    return reading, writing


def _read(reading: int, report: Report) -> str:
    meter = Meter()
    output = ""
    while True:
        try:
            chunk = os.read(reading, 64 * 1024)
        except OSError:  # a pseudo-terminal's end of file
            break
        if not chunk:
            break
        text = _CONTROL.sub("", chunk.decode("utf-8", "replace"))
        output = (output + re.sub(" {3,}", "  ", text))[-_KEPT_OUTPUT:]
        report(*meter.feed(text))
    lines = re.split(r"[\r\n]+", output)
    return "\n".join(line for line in lines if line.strip() and not _REDRAWN.match(line))


class Meter:
    """Turns uv's drawing into (share done, step). The share never falls."""

    def __init__(self) -> None:
        self._bytes: dict[str, tuple[float, float]] = {}
        self._share = 0.0
        self._step = "Looking up packages"

    def feed(self, text: str) -> tuple[float, str]:
        share = 0.0
        for name, done, unit, total, total_unit in _BAR.findall(text):
            self._bytes[name] = (float(done) * _UNIT[unit], float(total) * _UNIT[total_unit])
        for stage, done, total, resolving in _COUNT.findall(text):
            share = self._stage(resolving or stage, int(done or 0), int(total or 0))
        self._share = max(self._share, share)
        return self._share, self._step

    def _stage(self, stage: str, done: int, total: int) -> float:
        if stage == "Resolving":
            self._step = "Looking up packages"
            return 0.02
        if stage == "Installing":
            self._step = f"Installing packages ({done} of {total})"
            return 0.9 + 0.1 * done / max(total, 1)
        arrived = sum(done_bytes for done_bytes, _ in self._bytes.values())
        expected = sum(all_bytes for _, all_bytes in self._bytes.values())
        self._step = f"Fetching packages ({done} of {total})" if total else "Fetching packages"
        if expected:
            self._step = f"Fetching packages ({arrived / 2**20:.0f} of {expected / 2**20:.0f} MB)"
        by_count = done / max(total, 1)
        return 0.05 + 0.85 * (min(by_count, arrived / expected) if expected else by_count)
