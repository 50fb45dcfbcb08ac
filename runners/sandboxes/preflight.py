"""What this host's sandbox enforces, found out by trying: `python -m runners.sandboxes.preflight [ENVIRONMENTS]`.

Theory of operation. Real sandboxes run small programs that each try one thing (talk, fork, fill, burn, sleep); a
row says what stopped it. Nothing is concluded from versions or settings. "hard" is held by the kernel or by our own
monotonic timer, "soft" is watched by sampling, "missing" is not held at all: no stranger's code may run then.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import os
import shutil
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from runners.sandboxes import nsjail, shims
from runners.sandboxes.plan import Outcome, SandboxError, SandboxPlan
from runners.spec import Limits
from runners.verdict import KillReason

_REPORT = "report.json"
_PATIENCE_S = 20.0
_DELEGATE = "run the agent as root, or in a systemd unit with Delegate=yes on cgroup v2"
_NAMESPACES = (
    "allow user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone=1, "
    "kernel.apparmor_restrict_unprivileged_userns=0) or run the agent as root"
)


class Status(enum.StrEnum):
    HARD = "hard"
    SOFT = "soft"
    MISSING = "missing"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table. `advice` is empty when nothing need be done."""

    limit: str
    enforced_by: str
    status: Status
    advice: str = ""


_LOOK = """
import ctypes, json, os, socket
facts = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
found = {"uid": os.getuid(), "no_new_privs": facts["NoNewPrivs"], "seccomp": facts["Seccomp"]}
found["capabilities"] = facts["CapEff"]
found["interfaces"] = [line.split(":")[0].strip() for line in open("/proc/net/dev").readlines()[2:]]
with socket.socket() as s:
    s.settimeout(1)
    found["connect"] = s.connect_ex(("192.0.2.1", 80))
libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 250, "aarch64": 219}[os.uname().machine]
found["keyctl"] = ctypes.get_errno() if libc.syscall(number, 0, -3, 0) < 0 else 0
children = 0
while children < 40:
    try:
        pid = os.fork()
    except OSError:
        break
    if pid == 0:
        import time
        time.sleep(30)
    children += 1
found["children"] = children
try:
    with open("/tmp/fill", "wb") as file:
        for _ in range(16):
            file.write(bytes(1 << 20))
    found["filled"] = True
except OSError:
    found["filled"] = False
os.truncate("/tmp/fill", 0)
print("x" * 100_000)
json.dump(found, open("report.json", "w"))
"""
_LIMITS = {
    "wall_s": 10.0,
    "cpu_s": 10.0,
    "memory_mb": 64,
    "pids": 16,
    "disk_mb": 4,
    "inodes": 100,
    "log_kb": 16,
}


def check(environments_root: Path | None = None) -> list[Row]:
    """Try everything; about two seconds. Environments that are READY below the root are started once each."""
    try:
        nsjail.binary()
    except SandboxError as error:
        return [Row(limit="sandbox", enforced_by="", status=Status.MISSING, advice=str(error))]
    try:
        with tempfile.TemporaryDirectory(prefix="podium-preflight-") as name:
            return _check(Path(name), environments_root)
    except (SandboxError, OSError) as error:
        return [Row(limit="sandbox", enforced_by="", status=Status.MISSING, advice=f"{error}; {_NAMESPACES}")]


def _check(directory: Path, environments_root: Path | None) -> list[Row]:
    environment = _bare_environment(directory)
    outcome, report = _run(directory, environment, _LOOK, _LIMITS)
    if outcome.facts is None or report is None:
        reason = outcome.error or f"the probe ended with {outcome.facts}"
        return [
            Row(limit="sandbox", enforced_by="", status=Status.MISSING, advice=f"{reason}; {_NAMESPACES}")
        ]
    rows = [_namespaces(), *_isolation(report)]
    rows += [_wall(directory, environment), *_resources(directory, environment)]
    rows += [_pids(report, hits=outcome.facts.pids_hits), _disk(report)]
    log_is_cut = outcome.facts.log_truncated and outcome.facts.log_bytes > 100_000  # noqa: PLR2004 - see _LOOK
    rows.append(_row("log", "pipe drained by the shim", held=log_is_cut))
    return rows + _environments(directory, environments_root)


def _isolation(report: dict[str, Any]) -> list[Row]:
    alone = report["interfaces"] in ([], ["lo"]) and report["connect"] != 0
    unprivileged = int(report["capabilities"], 16) == 0 and report["no_new_privs"] == "1"
    filtered = report["seccomp"] == "2" and report["keyctl"] == 1
    own_uid = report["uid"] != os.geteuid() if os.geteuid() == 0 else True
    seen = f"uid {report['uid']}" + (
        "" if os.geteuid() == 0 else f" in a user namespace, {os.geteuid()} outside"
    )
    advice = "" if os.geteuid() == 0 else "as root every slot gets a uid of its own"
    return [
        _row("network", "empty network namespace", held=alone),
        Row(
            limit="uid",
            enforced_by=f"{seen}, no capabilities, no_new_privs",
            status=Status.HARD if own_uid and unprivileged else Status.MISSING,
            advice=advice,
        ),
        _row("system calls", "seccomp filter", held=filtered),
    ]


def _namespaces() -> Row:
    how = "not needed as root" if os.geteuid() == 0 else "unshare --map-root-user"
    return Row(limit="user namespaces", enforced_by=how, status=Status.HARD)


def _wall(directory: Path, environment: Path) -> Row:
    began = time.monotonic()
    outcome, _ = _run(directory, environment, "import time; time.sleep(9)", _LIMITS | {"wall_s": 0.3})
    in_time = time.monotonic() - began < 0.3 + 5
    ended = outcome.facts is not None and outcome.facts.kill_reason is KillReason.WALL
    return _row("wall time", "monotonic timer of the shim, pid namespace", held=ended and in_time)


def _resources(directory: Path, environment: Path) -> list[Row]:
    spin, _ = _run(directory, environment, "while True: pass", _LIMITS | {"cpu_s": 0.2})
    hog = "x = []\nwhile True: x.append(b'x' * (1 << 20))"
    eat, _ = _run(directory, environment, hog, _LIMITS | {"memory_mb": 32})
    rows: list[Row] = []
    for limit, outcome in (("cpu", spin), ("memory", eat)):
        facts = outcome.facts
        held = facts is not None and facts.kill_reason.value == limit
        soft = facts is not None and limit in facts.soft_limits
        rows.append(
            Row(
                limit={"cpu": "CPU time"}.get(limit, limit),
                enforced_by="sampling of /proc every 50 ms" if soft else "the attempt's own cgroup",
                status=Status.MISSING if not held else Status.SOFT if soft else Status.HARD,
                advice=_DELEGATE if soft or not held else "",
            )
        )
    return rows


def _pids(report: dict[str, Any], *, hits: int) -> Row:
    how = "pids cgroup" if hits else "RLIMIT_NPROC of the user namespace"
    return _row("processes", how, held=report["children"] < _LIMITS["pids"])


def _disk(report: dict[str, Any]) -> Row:
    return _row("disk", "one sized tmpfs for everything writable", held=not report["filled"])


def _environments(directory: Path, root: Path | None) -> list[Row]:
    rows: list[Row] = []
    for marker in sorted(root.glob("*/*/READY")) if root else ():
        path = marker.parent
        program = "import json, sys; json.dump(sys.prefix, open('report.json', 'w'))"
        outcome, report = _run(directory, path, program, _LIMITS)
        held = report == "/env"
        advice = (
            "" if held else f"its interpreter does not start in the sandbox: {outcome.error or outcome.facts}"
        )
        status = Status.HARD if held else Status.MISSING
        name = f"environment {path.parent.name}@{path.name}"
        rows.append(Row(limit=name, enforced_by="started once", status=status, advice=advice))
    return rows


def _row(limit: str, enforced_by: str, *, held: bool) -> Row:
    status = Status.HARD if held else Status.MISSING
    return Row(
        limit=limit, enforced_by=enforced_by, status=status, advice="" if held else "the probe got through"
    )


def _bare_environment(directory: Path) -> Path:
    """A venv of this very interpreter without packages: two files are enough for one."""
    python = Path(os.path.realpath(sys.executable))
    environment = directory / "environment"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to(python)
    (environment / "pyvenv.cfg").write_text(f"home = {python.parent}\n", "utf-8")
    directory.chmod(0o755)
    return environment


def _run(directory: Path, environment: Path, program: str, limits: dict[str, Any]) -> tuple[Outcome, Any]:
    """Run `program` in a sandbox; its outcome and what it wrote to report.json (None when nothing)."""
    rundir = directory / f"preflight-{uuid.uuid4().hex}"
    rundir.mkdir(mode=0o700)
    source = rundir / "main.py"
    source.write_text(program, "utf-8")
    source.chmod(0o444)
    plan = SandboxPlan(
        argv=("{python}", "/submission/main.py"),
        environment=str(environment),
        limits=Limits(**limits),
        required_output=_REPORT,
        inputs=((str(source), "/submission/main.py"),),
        slot=9_999,
    )
    deadline = time.monotonic() + _PATIENCE_S
    try:
        shims.launch(rundir, plan)
        while (outcome := shims.outcome(rundir)) is None and time.monotonic() < deadline:
            time.sleep(0.01)
    finally:
        shims.reap(rundir)
    report = rundir / "outputs" / _REPORT
    content = json.loads(report.read_text("utf-8")) if report.exists() else None
    shutil.rmtree(rundir)
    return outcome or Outcome(error="the sandbox did not end"), content


def main() -> int:
    """Print the table; exit status 1 when anything is missing."""
    rows = check(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    for row in rows:
        sys.stdout.write(f"{row.limit:18} {row.status:8} {row.enforced_by}\n")
        if row.advice:
            sys.stdout.write(f"{'':27} {row.advice}\n")
    return int(any(row.status is Status.MISSING for row in rows))


if __name__ == "__main__":
    sys.exit(main())
