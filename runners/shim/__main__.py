"""`python -m runners.shim <rundir>`: supervise one sandbox and write down what happened.

Theory of operation. Started by `runners.sandboxes.nsjail.launch` as pid 1 of new pid and mount namespaces, in
a session of its own, so it outlives the agent. It reads `sandbox.json`, mounts the attempt's file systems,
makes its cgroup, starts nsjail inside it, supervises (`supervise`), and when every process is dead collects
the outputs, removes the cgroup and writes `facts.json`, last and atomically. Whoever asks whether it lives
looks at the lock on `<rundir>/lock`, which it inherits: the kernel releases it, whatever ends the shim.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import traceback
from pathlib import Path

from runners.sandboxes import cgroups, flags
from runners.sandboxes.collect import collect
from runners.sandboxes.plan import Outcome, SandboxError, SandboxPlan
from runners.shim.box import Box
from runners.shim.drain import Drain
from runners.shim.gauges import Gauges, Sample
from runners.shim.series import Series
from runners.shim.supervise import Ending, Supervisor, how_it_ended
from runners.verdict import KillReason, OutputState, RunFacts

_MIB = 1 << 20
_REPORT_S = 1.0
_PREFERRED_VICTIM, _SPARED = 500, -500  # oom_score_adj: when the host runs out of memory, runs go first


def main(rundir: Path) -> int:
    """Run and report. The report of a failure of ours is an outcome, too."""
    try:
        outcome = _Attempt(rundir).run()
    except Exception as error:  # noqa: BLE001 - whatever it was, the agent must learn it
        traceback.print_exc()
        outcome = Outcome(error=f"{type(error).__name__}: {error}")
    _write_last(rundir / "facts.json", outcome)
    return 0


class _Attempt:
    def __init__(self, rundir: Path) -> None:
        settings = json.loads((rundir / "sandbox.json").read_text("utf-8"))
        if os.getpid() != 1 or os.stat("/proc/self/ns/pid").st_ino == settings["launcher_pid_namespace"]:  # noqa: PTH116 - a magic link
            raise SandboxError("the shim was not started by launch(): no pid namespace of its own")
        self.rundir = rundir
        self.plan = SandboxPlan.from_json(settings["plan"])
        self.nsjail: str = settings["nsjail"]
        self.as_root: bool = settings["as_root"]
        self.series = Series(rundir / "samples", self.plan.limits.wall_s)
        self._next_report = 0.0

    def run(self) -> Outcome:
        _oom_score(_SPARED)
        box = Box(self.rundir / "box", self.plan.limits, flags.uid_of(self.plan) if self.as_root else 0)
        output = box.open_output()
        cgroup = cgroups.create(self.rundir.name)
        try:
            return self._run_in(box, output, cgroup)
        finally:
            if cgroup is not None:
                cgroup.remove()

    def _run_in(self, box: Box, output: int, cgroup: cgroups.Cgroup | None) -> Outcome:
        limits = self.plan.limits
        if cgroup is not None:
            # Files are memory to the kernel: its limit is both together, and the gauges tell them apart.
            # One more process than promised: nsjail itself.
            cgroup.limit(memory_bytes=(limits.memory_mb + limits.disk_mb) * _MIB, pids=limits.pids + 1)
        gauges = Gauges(cgroup, box.files, limits.memory_mb * _MIB)
        reading, writing = os.pipe()
        drain = Drain(reading, self.rundir / "log", limits.log_kb * 1024)
        process = self._start(box, writing, cgroup)
        os.close(writing)
        cancelled = (self.rundir / "cancel").exists
        ending = Supervisor(limits, gauges, drain, cancelled=cancelled, report=self._report).run(process)
        if cgroup is not None and (left := cgroup.processes()):
            raise SandboxError(f"the run's cgroup still holds {len(left)} processes")
        drain.finish()
        state, files = collect(
            output,
            self.rundir / "outputs",
            required=self.plan.required_output,
            max_bytes=limits.output_mb * _MIB,
            kept=self.plan.kept,
        )
        facts = self._facts(ending, drain, state, gauges.soft_limits)
        # The curve ends where the facts do: at the limit when the kernel killed for memory.
        self.series.end(facts.wall_s, facts.cpu_s, self._at_limit(ending.last), ending.last.disk)
        return Outcome(facts=facts, files=tuple(files))

    def _at_limit(self, last: Sample) -> int:
        """The memory in use at the end; what was refused by the kernel is never seen, so a kill is the limit."""
        return self.plan.limits.memory_mb * _MIB if last.oom_kills else last.memory

    def _report(self, wall_s: float, sample: Sample) -> None:
        self.series.take(wall_s, sample.cpu_s, sample.memory, sample.disk)
        if wall_s < self._next_report:
            return
        self._next_report = wall_s + _REPORT_S
        draft = self.rundir / "usage.draft"
        usage = {"wall_s": round(wall_s, 1), "cpu_s": round(sample.cpu_s, 1)}
        draft.write_text(json.dumps(usage | {"memory": sample.memory, "disk": sample.disk}), "utf-8")
        draft.replace(self.rundir / "usage.json")

    def _facts(
        self, ending: Ending, drain: Drain, state: OutputState, soft_limits: tuple[str, ...]
    ) -> RunFacts:
        last = ending.last
        if last.host_out_of_memory:
            raise SandboxError("the host ran out of memory and killed a process of this run")
        killed = ending.reason is not KillReason.NONE
        exit_code, signal_number = how_it_ended(self.rundir / "nsjail.log", killed=killed)
        return RunFacts(
            exit_code=exit_code,
            signal=signal_number,
            kill_reason=ending.reason,
            oom_kills=last.oom_kills,
            pids_hits=last.refused_forks,
            disk_full=ending.disk_full,
            log_bytes=drain.seen,
            log_truncated=drain.truncated,
            wall_s=round(ending.wall_s, 3),
            cpu_s=round(last.cpu_s, 3),
            memory_peak=max(ending.memory, self._at_limit(last)),
            disk_peak=ending.disk,
            output=state,
            sandbox="nsjail",
            soft_limits=soft_limits,
        )

    def _start(self, box: Box, log: int, cgroup: cgroups.Cgroup | None) -> subprocess.Popen[bytes]:
        pids_are_counted = cgroup is not None and "pids" in cgroup.enforces
        command = flags.command(
            self.plan,
            nsjail=self.nsjail,
            box=box.root,
            log=self.rundir / "nsjail.log",
            as_root=self.as_root,
            nproc=None if pids_are_counted else self.plan.limits.pids,
        )

        def between_fork_and_exec() -> None:
            if cgroup is not None:
                cgroup.enter()
            _oom_score(_PREFERRED_VICTIM)

        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env={},
            preexec_fn=between_fork_and_exec,  # noqa: PLW1509 - the shim has one thread
        )


def _oom_score(value: int) -> None:
    with contextlib.suppress(OSError):  # only root may lower it
        Path("/proc/self/oom_score_adj").write_text(str(value), "ascii")


def _write_last(path: Path, outcome: Outcome) -> None:
    draft = path.with_suffix(".draft")
    with draft.open("w", encoding="utf-8") as file:
        json.dump(outcome.as_json(), file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(directory)
    os.close(directory)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
