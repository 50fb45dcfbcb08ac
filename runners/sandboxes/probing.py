"""The probes that preflight sends into a sandbox, and the rows that become of them.

Theory of operation. Real sandboxes run small programs that each try one thing (talk, fork, fill, burn, sleep); a
row says what stopped it. Nothing is concluded from versions or settings. "hard" is held by the kernel or by our own
monotonic timer, "soft" is watched by sampling, "missing" is not held at all: no stranger's code may run then. "note"
holds nothing and lets nothing through: what an operator had better know, such as an old version.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import json
import shutil
import time
import uuid
from pathlib import Path
from typing import Any

from runners.sandboxes import shims
from runners.sandboxes.choice import Sandbox
from runners.sandboxes.plan import Outcome, SandboxPlan
from runners.spec import Limits
from runners.verdict import KillReason

_REPORT = "report.json"
_PATIENCE_S = 30.0
_SLOT = 9_999
DELEGATE = "run the agent as root, or in a systemd unit with Delegate=yes on cgroup v2"


class Status(enum.StrEnum):
    HARD = "hard"
    SOFT = "soft"
    MISSING = "missing"
    NOTE = "note"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table. `advice` is empty when nothing need be done."""

    limit: str
    enforced_by: str
    status: Status
    advice: str = ""


def row(limit: str, enforced_by: str, *, held: bool) -> Row:
    status = Status.HARD if held else Status.MISSING
    return Row(
        limit=limit, enforced_by=enforced_by, status=status, advice="" if held else "the probe got through"
    )


LOOK = """
import ctypes, json, os, socket
facts = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
libc = ctypes.CDLL(None, use_errno=True)
found = {"uid": os.getuid(), "no_new_privs": libc.prctl(39, 0, 0, 0, 0), "seccomp": facts.get("Seccomp", "")}
found["capabilities"] = facts["CapEff"]
found["interfaces"] = [line.split(":")[0].strip() for line in open("/proc/net/dev").readlines()[2:]]
with socket.socket() as s:
    s.settimeout(1)
    found["connect"] = s.connect_ex(("192.0.2.1", 80))
number = {"x86_64": 250, "aarch64": 219}[os.uname().machine]
found["keyctl"] = ctypes.get_errno() if libc.syscall(number, 0, -3, 0) < 0 else 0
found["kernel"] = os.uname().release
found["written"] = []
for place in ("/", "/env", "/usr", "/input", "/submission"):
    try:
        open(os.path.join(place, "probe"), "w").close()
        found["written"].append(place)
    except OSError:
        pass
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
FORKS = 40
FORK = f"""
import json, os, time
children = 0
while children < {FORKS}:
    try:
        pid = os.fork()
    except OSError:
        break
    if pid == 0:
        time.sleep(30)
    children += 1
json.dump(children, open("report.json", "w"))
"""
LIMITS: dict[str, Any] = {
    "wall_s": 10.0,
    "cpu_s": 10.0,
    "memory_mb": 64,
    "pids": 16,
    "disk_mb": 4,
    "inodes": 100,
    "log_kb": 16,
}


class Prober:
    """Runs probes in one kind of sandbox, in run directories below `directory`."""

    def __init__(self, directory: Path, sandbox: Sandbox) -> None:
        self.directory, self.sandbox = directory, sandbox

    def run(
        self, program: str, limits: dict[str, Any], *, environment: str, image: str = ""
    ) -> tuple[Outcome, Any]:
        """Run `program`; its outcome and what it wrote to report.json (None: nothing, or it was ended meanwhile)."""
        rundir = self.directory / f"preflight-{uuid.uuid4().hex}"
        rundir.mkdir(mode=0o700)
        source = rundir / "main.py"
        source.write_text(program, "utf-8")
        source.chmod(0o444)
        plan = SandboxPlan(
            argv=("{python}", "/submission/main.py"),
            environment=environment,
            image=image,
            limits=Limits(**limits),
            required_output=_REPORT,
            inputs=((str(source), "/submission/main.py"),),
            slot=_SLOT,
        )
        deadline = time.monotonic() + _PATIENCE_S
        try:
            shims.launch(rundir, plan, self.sandbox)
            while (outcome := shims.outcome(rundir)) is None and time.monotonic() < deadline:
                time.sleep(0.01)
        finally:
            shims.reap(rundir)
        content = None
        with contextlib.suppress(FileNotFoundError, ValueError):
            content = json.loads((rundir / "outputs" / _REPORT).read_text("utf-8"))
        shutil.rmtree(rundir)
        return outcome or Outcome(error="the sandbox did not end"), content

    def limits(self, *, environment: str, image: str = "") -> list[Row]:
        """Wall time, CPU time and memory, each tried by a program of its own."""
        begun = time.monotonic()
        sleep = "import time; time.sleep(9)"
        slept, _ = self.run(sleep, LIMITS | {"wall_s": 0.3}, environment=environment, image=image)
        in_time = time.monotonic() - begun < 0.3 + 5
        ended = slept.facts is not None and slept.facts.kill_reason is KillReason.WALL
        rows = [row("wall time", "monotonic timer of the shim", held=ended and in_time)]
        spin, _ = self.run("while True: pass", LIMITS | {"cpu_s": 0.2}, environment=environment, image=image)
        hog = "x = []\nwhile True: x.append(b'x' * (1 << 20))"
        eat, _ = self.run(hog, LIMITS | self.memory(), environment=environment, image=image)
        return [*rows, _resource("CPU time", "cpu", spin), _resource("memory", "memory", eat)]

    def processes(self, *, environment: str, image: str = "") -> Row:
        """What stops a program that forks."""
        patient = {"wall_s": 25.0, "cpu_s": 25.0, "memory_mb": 256}  # gVisor starts processes slowly
        outcome, children = self.run(FORK, LIMITS | patient, environment=environment, image=image)
        hits = outcome.facts.pids_hits if outcome.facts is not None else 0
        found = processes_row(self.sandbox, hits, children)
        if found.status is Status.MISSING and children is None:
            by = outcome.facts.kill_reason if outcome.facts is not None else outcome.error
            found = dataclasses.replace(found, advice=f"the probe told nothing: ended by {by or 'itself'}")
        return found

    def memory(self) -> dict[str, Any]:
        """A limit that the interpreter fits in; gVisor's kernel lives in the same cgroup as the program."""
        return {"memory_mb": 128 if self.sandbox is Sandbox.RUNSC else 32}


def processes_row(sandbox: Sandbox, hits: int, children: int | None) -> Row:
    """From how often the kernel refused a thread, and how many of FORKS processes FORK told that it got.

    A gVisor is refused threads of its own, which the program's are made of: somewhat beyond the limit a fork fails,
    or gVisor ends, and all in it. Both hold.
    """
    held = children is not None and children < LIMITS["pids"]
    if sandbox is Sandbox.NSJAIL:
        return row("processes", "pids cgroup" if hits else "RLIMIT_NPROC of the user namespace", held=held)
    if sandbox is Sandbox.RUNSC and not held:
        stopped = hits > 0 and (children is None or children < FORKS)
        return row("processes", "pids cgroup, of gVisor's own threads", held=stopped)
    return row("processes", "pids cgroup", held=held)


def _resource(limit: str, reason: str, outcome: Outcome) -> Row:
    facts = outcome.facts
    held = facts is not None and facts.kill_reason.value == reason
    soft = facts is not None and reason in facts.soft_limits
    return Row(
        limit=limit,
        enforced_by="sampling of /proc every 50 ms" if soft else "the attempt's own cgroup",
        status=Status.MISSING if not held else Status.SOFT if soft else Status.HARD,
        advice=DELEGATE if soft or not held else "",
    )


def log_row(outcome: Outcome) -> Row:
    """LOOK printed 100,000 bytes: was more counted than is kept, and cut?"""
    facts = outcome.facts
    cut = facts is not None and facts.log_truncated and facts.log_bytes > LIMITS["log_kb"] * 1024
    return row("log", "pipe drained by the shim", held=cut)


def disk_row(report: dict[str, Any]) -> Row:
    return row("disk", "one sized tmpfs for everything writable", held=not report["filled"])


def network_row(report: dict[str, Any]) -> Row:
    alone = report["interfaces"] in ([], ["lo"]) and report["connect"] != 0
    return row("network", "empty network namespace", held=alone)


def is_unprivileged(report: dict[str, Any]) -> bool:
    return int(report["capabilities"], 16) == 0 and report["no_new_privs"] == 1


def started(prober: Prober, identifier: str, *, environment: str, image: str = "") -> Row:
    """Whether the interpreter of an environment starts."""
    program = "import json, sys; json.dump(sys.prefix, open('report.json', 'w'))"
    outcome, report = prober.run(program, LIMITS | prober.memory(), environment=environment, image=image)
    held = report == "/env"
    advice = (
        "" if held else f"its interpreter does not start in the sandbox: {outcome.error or outcome.facts}"
    )
    status = Status.HARD if held else Status.MISSING
    return Row(limit=f"environment {identifier}", enforced_by="started once", status=status, advice=advice)
