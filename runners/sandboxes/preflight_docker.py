"""What Docker with runc, or with gVisor, enforces on this host; and whether what holds it has known holes.

A version is never a reason to refuse: distributions mend old versions under numbers of their own. It is a note.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from runners.environments import images
from runners.environments.image_engine import ImageEngine
from runners.sandboxes import choice, probing
from runners.sandboxes.choice import Sandbox
from runners.sandboxes.plan import SandboxError
from runners.sandboxes.probing import LIMITS, LOOK, Prober, Row, Status, row

# Ways out of a container, and the oldest release of each line of runc that has none of them.
RUNC_HOLES = ("CVE-2024-21626", "CVE-2025-31133", "CVE-2025-52565", "CVE-2025-52881")
RUNC_MENDED = ((1, 2, 8), (1, 3, 3), (1, 4, 0))
TOOLKIT_MENDED = (1, 17, 8)  # CVE-2024-0132, CVE-2025-23266, CVE-2025-23267
CHANGELOG = Path("/usr/share/doc/runc/changelog.Debian.gz")
_HOLE = re.compile(r"CVE-\d{4}-\d+")
_NUMBER = re.compile(r"(\d+)\.(\d+)\.(\d+)")
# Debian, Ubuntu, Fedora, RHEL and SUSE put their own revision behind the number.
_DISTRIBUTION = re.compile(r"\+ds|deb\d|ubuntu|dfsg|\.el\d|\.fc\d|-\d+$|~")
_BUILD = "`manage.py build_environments --sandbox docker` builds them"


def check(prober: Prober, *, every_image: bool) -> list[Row]:
    """The table of one runtime. Never raises: what cannot be tried is a row."""
    if os.geteuid() != 0:
        return [_missing("the agent must run as root on the host of its Docker daemon")]
    try:
        return _check(ImageEngine(choice.docker_host()), prober, every_image=every_image)
    except (SandboxError, OSError) as error:
        return [_missing(str(error))]


def _missing(advice: str) -> Row:
    return Row(limit="sandbox", enforced_by="", status=Status.MISSING, advice=advice)


def _check(engine: ImageEngine, prober: Prober, *, every_image: bool) -> list[Row]:
    info = engine.info()
    if prober.sandbox.runtime not in info.get("Runtimes", {}):
        return [_missing(_register(prober.sandbox))]
    ready = images.ready_images(engine.host)
    if not ready:
        return [_missing(f"there is no environment's image to try it with: {_BUILD}")]
    image = images.find_image(ready[0], engine.host)
    outcome, report = prober.run(LOOK, LIMITS | prober.memory(), environment="/env", image=image)
    if outcome.facts is None or report is None:
        return [_missing(outcome.error or f"the probe ended with {outcome.facts}")]
    rows = [_daemon(info), _cgroup(info, prober.sandbox), *_isolation(report, prober.sandbox)]
    rows += prober.limits(environment="/env", image=image)
    rows += [
        prober.processes(environment="/env", image=image),
        probing.disk_row(report),
        probing.log_row(outcome),
    ]
    rows += versions(engine, info, prober.sandbox)
    for identifier in ready if every_image else ():
        found = images.find_image(identifier, engine.host)
        rows.append(probing.started(prober, identifier, environment="/env", image=found))
    return rows


def _register(sandbox: Sandbox) -> str:
    return (
        f"the Docker daemon knows no runtime {sandbox.runtime}: install it and register it in "
        "/etc/docker/daemon.json, see docs/docker.md"
    )


def _daemon(info: dict[str, Any]) -> Row:
    how = f"Docker Engine {info.get('ServerVersion', '?')}, {info.get('Driver', '?')}"
    how += f", cgroup v{info.get('CgroupVersion', '?')} ({info.get('CgroupDriver', '?')})"
    return Row(limit="sandbox", enforced_by=how, status=Status.HARD)


def _cgroup(info: dict[str, Any], sandbox: Sandbox) -> Row:
    """Where the limits and counters are: a probe has run, so its processes were moved there (shim/container.py)."""
    if str(info.get("CgroupVersion", "1")) == "1":
        how = "the attempt's own for memory, pids and CPU time; Docker's for devices and processors"
    elif sandbox is Sandbox.RUNSC:
        how = "the attempt's own, outside of Docker's and of systemd's"
    else:
        how = "the attempt's own, outside of Docker's and of systemd's, with Docker's filter of devices"
    return Row(limit="cgroup", enforced_by=how, status=Status.HARD)


def _isolation(report: dict[str, Any], sandbox: Sandbox) -> list[Row]:
    if sandbox is Sandbox.RUNSC:
        kernel = f"gVisor, a kernel of its own ({report['kernel']})"
        calls = row("system calls", kernel, held=report["kernel"] != os.uname().release)
    else:
        calls = row("system calls", "seccomp filter", held=report["seccomp"] == "2" and report["keyctl"] == 1)
    seen = f"uid {report['uid']}, no capabilities, no_new_privs"
    held = report["uid"] != 0 and probing.is_unprivileged(report)
    return [
        probing.network_row(report),
        row("uid", seen, held=held),
        calls,
        row("file system", "read-only root and mounts", held=not report["written"]),
    ]


def versions(engine: ImageEngine, info: dict[str, Any], sandbox: Sandbox) -> list[Row]:
    """Notes about what holds containers; none where nothing is known against it."""
    rows = []
    if sandbox is Sandbox.DOCKER:
        commit = str((info.get("RuncCommit") or {}).get("ID", ""))
        version = engine.component("runc") or commit
        packaged = _DISTRIBUTION.search(commit) is not None
        rows.append(runc_row(version, commit, mended_by_package() if packaged else ()))
    if (toolkit := _toolkit()) is not None:
        rows.append(toolkit_row(toolkit))
    if not info.get("SwapLimit", True) and _has_swap():
        advice = "boot with swapaccount=1 or turn swap off: a run may else use swap beside its memory"
        rows.append(
            Row(limit="swap", enforced_by="not counted by this kernel", status=Status.NOTE, advice=advice)
        )
    return rows


def runc_row(version: str, commit: str = "", mended: Collection[str] = ()) -> Row:
    """What is known about a version of runc; `mended` are holes that its package says it mends."""
    shown = commit if version and commit.startswith(version) else version
    number = _NUMBER.search(version)
    found = tuple(map(int, number.groups())) if number else ()
    if found and _is_mended(found):
        return Row(limit="runc", enforced_by=f"version {shown}", status=Status.HARD)
    newest = ", ".join(".".join(map(str, least)) for least in RUNC_MENDED)
    holes = " and ".join(hole for hole in RUNC_HOLES if hole not in mended)
    if found and not holes:
        return Row(limit="runc", enforced_by=f"version {shown}, mended by its package", status=Status.HARD)
    if not found:
        advice = f"its version is not known; {holes} are mended in {newest}"
    elif _DISTRIBUTION.search(shown):
        advice = (
            f"{holes} are mended in {newest}, and this distribution's package does not say that it mends them: "
            "look in its security tracker whether they concern it, and upgrade it"
        )
    else:
        advice = (
            f"upgrade runc to {newest} or newer: it has {holes}, by which a program may leave its container"
        )
    return Row(limit="runc", enforced_by=f"version {shown or 'unknown'}", status=Status.NOTE, advice=advice)


def mended_by_package(changelog: Path = CHANGELOG) -> set[str]:
    """The holes that Debian's package of runc says it mends; none where there is no such package."""
    try:
        return set(_HOLE.findall(gzip.decompress(changelog.read_bytes()).decode("utf-8", "replace")))
    except (OSError, EOFError, zlib.error):
        return set()


def _is_mended(version: tuple[int, ...]) -> bool:
    """Fixes go into the newest release of each line: a newer line is not mended by its number alone."""
    same_line = [least for least in RUNC_MENDED if least[:2] == version[:2]]
    return version >= same_line[0] if same_line else version > RUNC_MENDED[-1]


def toolkit_row(version: str) -> Row:
    """What is known about a version of the NVIDIA container toolkit."""
    number = _NUMBER.search(version)
    found = tuple(map(int, number.groups())) if number else ()
    if found >= TOOLKIT_MENDED:
        return Row(limit="NVIDIA toolkit", enforced_by=f"version {version}", status=Status.HARD)
    least = ".".join(map(str, TOOLKIT_MENDED))
    advice = f"upgrade it to {least} or newer: older ones let an image reach the host (CVE-2024-0132, CVE-2025-23266)"
    return Row(limit="NVIDIA toolkit", enforced_by=f"version {version}", status=Status.NOTE, advice=advice)


def _toolkit() -> str | None:
    """The version of the NVIDIA container toolkit; None where there is none."""
    for command in (["nvidia-ctk", "--version"], ["nvidia-container-cli", "--version"]):
        if shutil.which(command[0]):
            told = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout
            number = _NUMBER.search(told)
            return number.group() if number else "unknown"
    return None


def _has_swap() -> bool:
    with open("/proc/swaps", encoding="ascii") as file:  # noqa: PTH123 - one line of the kernel's
        return len(file.readlines()) > 1
