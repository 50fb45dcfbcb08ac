"""On cgroup v2 alone, as root: an ordinary user's limits are hard in a delegated cgroup, and nobody else is moved.

Run by tools/v2/init. Each case is a process of the ordinary user in a cgroup of its own.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

TOP, USER = Path("/sys/fs/cgroup"), 1000
LOOK = """
import json
from runners.sandboxes import delegation, preflight
moved = [delegation.step_aside(), delegation.step_aside()]
print(json.dumps({"moved": moved, "soft": [row.limit for row in preflight.check() if row.status != "hard"]}))
"""
SOFT = ("CPU time", "memory")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A cgroup that an ordinary user's agent is started in, and what it must come to there."""

    title: str
    handed_over: bool = True
    with_stranger: bool = False
    unit: bool = False
    moves: bool
    soft: tuple[str, ...]


CASES = (
    Case(title="alone in what was handed over", moves=True, soft=()),
    Case(title="beside somebody's shell", with_stranger=True, moves=False, soft=SOFT),
    Case(title="in a unit with Delegate=yes", with_stranger=True, unit=True, moves=True, soft=()),
    Case(title="in nothing of its own", handed_over=False, moves=False, soft=SOFT),
)


def look(case: Case) -> dict[str, list[object]]:
    """What an agent of the ordinary user finds in a cgroup of this kind."""
    directory = TOP / f"case-{CASES.index(case)}.service"
    directory.mkdir()
    if case.handed_over:
        for path in (directory, *directory.glob("cgroup.*")):
            os.chown(path, USER, USER)
    if case.unit:  # as systemd marks one with Delegate=yes
        os.setxattr(directory, "user.delegate", b"1")
    stranger = subprocess.Popen(["sleep", "600"]) if case.with_stranger else None
    if stranger:
        (directory / "cgroup.procs").write_text(str(stranger.pid))

    def enter() -> None:
        (directory / "cgroup.procs").write_text("0")
        os.setgroups([])
        os.setgid(USER)
        os.setuid(USER)

    told = subprocess.run(
        [sys.executable, "-c", LOOK],
        preexec_fn=enter,
        env={"PATH": os.defpath, "PYTHONPATH": ".", "HOME": "/tmp"},  # noqa: S108
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout
    if stranger:
        stranger.kill()
        stranger.wait()
    found: dict[str, list[object]] = json.loads(told.splitlines()[-1])
    return found


def main() -> int:
    """Exit status 0 when every case is as it must be."""
    (TOP / "cgroup.subtree_control").write_text("+memory +pids +cpu")
    failed = 0
    for case in CASES:
        found = look(case)
        held = found == {"moved": [case.moves, False], "soft": list(case.soft)}
        failed += not held
        sys.stdout.write(f"{'held  ' if held else 'FAILED'} {case.title}: {found}\n")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
