"""`python -m runners.shim <rundir>`: supervise one sandbox and write down what happened.

Theory of operation. Started by `runners.sandboxes.shims.launch` in a session of its own, so it outlives the
agent. It reads `sandbox.json`, mounts the attempt's file systems, makes its cgroup, starts the body (body.py)
inside it, supervises (`supervise`), and when every process is dead collects the outputs, removes the cgroup and
writes `facts.json`, last and atomically. Which body, and what namespaces the shim itself lives in, is the
sandbox's affair; the steps are the same for all. Whoever asks whether it lives looks at the lock on
`<rundir>/lock`, which it inherits: the kernel releases it, whatever ends the shim.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from functools import partial
from pathlib import Path

from runners.sandboxes import cgroups
from runners.sandboxes.plan import Hold, Outcome, SandboxError, SandboxPlan
from runners.shim import held
from runners.shim.body import Body, Scene
from runners.shim.drain import Drain
from runners.shim.gauges import Gauges, Sample
from runners.shim.meter import Meter
from runners.shim.series import Series
from runners.shim.supervise import Ending, Supervisor
from runners.shim.taken import Taken
from runners.shim.victims import SPARED, oom_score
from runners.verdict import KillReason, OutputState, RunFacts

_MIB = 1 << 20
_REPORT_S = 1.0


def main(rundir: Path) -> int:
    """Run and report. The report of a failure of ours is an outcome, too."""
    os.chdir(rundir)  # by relative names from here on: the directory may be renamed while we live
    attempt = None
    try:
        attempt = _Attempt(rundir)
        outcome = attempt.run()
    except held.Dropped as error:
        sys.stderr.write(f"{error}\n")
        if attempt is not None:
            attempt.body.box.unmount()
        # Where something is left, its directory is what tells the next agent of the container.
        if attempt is None or attempt.body.leave():
            held.remove_own_directory(rundir)
        return 0
    except Exception as error:  # noqa: BLE001 - whatever it was, the agent must learn it
        traceback.print_exc()
        outcome = Outcome(error=f"{type(error).__name__}: {error}")
    _write_last(Path("facts.json"), outcome)
    if attempt is not None:
        attempt.body.leave()  # after the facts, which somebody waits for
    return 0


def body_of(scene: Scene) -> Body:
    """The body of the scene's sandbox. Only its own modules are imported: a run waits for them."""
    if scene.settings["sandbox"] == "nsjail":
        from runners.shim.jail import Jail  # noqa: PLC0415 - see above

        return Jail(scene)
    from runners.shim.container import Container  # noqa: PLC0415

    return Container(scene)


class _Attempt:
    def __init__(self, rundir: Path) -> None:
        settings = json.loads(Path("sandbox.json").read_text("utf-8"))
        self.sandbox: str = settings["sandbox"]
        self.cgroup_name: str = settings["cgroup"]
        self.plan = SandboxPlan.from_json(settings["plan"])
        self.hold = Hold.from_json(settings["hold"]) if "hold" in settings else None
        self.keeper: int = settings.get("keeper", -1)
        self.body = body_of(Scene(rundir, settings, self.plan, self.hold))
        self.meter = Meter(self.plan)
        self._next_report = 0.0

    def run(self) -> Outcome:
        oom_score(SPARED)
        self.body.box.mount()
        cgroup = cgroups.create(self.cgroup_name)
        try:
            return self._run_in(cgroup)
        finally:
            if cgroup is not None:
                cgroup.remove()

    def _run_in(self, cgroup: cgroups.Cgroup | None) -> Outcome:
        taken = Taken(self.body.box, self.plan)  # before the program can touch anything
        self._limit(cgroup)
        self.gauges = Gauges(cgroup, self.body.box.here / "files", self.plan.limits.memory_mb * _MIB)
        self.body.start(cgroup)
        if self.hold is not None:
            self._wait_for_job(cgroup)
        limits, gauges = self.plan.limits, self.gauges
        self.series = Series(Path("samples"), limits.wall_s)
        self.meter.start()
        drain = Drain(self.body.log, Path("log"), limits.log_kb * 1024)
        cancelled = Path("cancel").exists
        ending = Supervisor(limits, gauges, drain, cancelled=cancelled, report=self._report).run(self.body)
        if cgroup is not None and (left := cgroup.processes()):
            raise SandboxError(f"the run's cgroup still holds {len(left)} processes")
        drain.finish()
        state, files = taken.collect(Path("outputs"), self.plan)
        facts = self._facts(ending, drain, state, gauges.soft_limits)
        # The curve ends where the facts do: at the limit when the kernel killed for memory.
        self.series.end(facts.wall_s, facts.cpu_s, self._at_limit(ending.last), ending.last.disk)
        return Outcome(facts=facts, files=tuple(files))

    def _limit(self, cgroup: cgroups.Cgroup | None) -> None:
        limits = self.plan.limits
        if cgroup is not None:
            # Files are memory to the kernel: its limit is both together, and the gauges tell them apart.
            cgroup.limit(
                memory_bytes=(limits.memory_mb + limits.disk_mb) * _MIB,
                pids=limits.pids + self.body.own_processes(limits),
            )

    def _wait_for_job(self, cgroup: cgroups.Cgroup | None) -> None:
        """Hold the program until there is a job; then everything is as if it were started now."""
        needs = partial(held.needs, cgroup=cgroup)
        try:
            self.plan = held.wait(self.body, self.keeper, lambda: needs(self.gauges.sample()))
            self._limit(cgroup)
            self.body.box.resize(self.plan)
            self.gauges = Gauges(cgroup, self.body.box.here / "files", self.plan.limits.memory_mb * _MIB)
            self.body.release(self.plan)
        except BaseException:
            self.body.kill()
            raise
        Path(held.RELEASED).touch()

    def _at_limit(self, last: Sample) -> int:
        """The memory in use at the end; what was refused by the kernel is never seen, so a kill is the limit."""
        return self.plan.limits.memory_mb * _MIB if last.oom_kills else last.memory

    def _report(self, wall_s: float, sample: Sample) -> None:
        self.series.take(wall_s, sample.cpu_s, sample.memory, sample.disk, self.meter.now())
        if wall_s < self._next_report:
            return
        self._next_report = wall_s + _REPORT_S
        draft = Path("usage.draft")
        usage = {"wall_s": round(wall_s, 1), "cpu_s": round(sample.cpu_s, 1)}
        draft.write_text(json.dumps(usage | {"memory": sample.memory, "disk": sample.disk}), "utf-8")
        draft.replace("usage.json")

    def _facts(
        self, ending: Ending, drain: Drain, state: OutputState, soft_limits: tuple[str, ...]
    ) -> RunFacts:
        last = ending.last
        if last.host_out_of_memory:
            raise SandboxError("the host ran out of memory and killed a process of this run")
        killed = ending.reason is not KillReason.NONE
        exit_code, signal_number = self.body.how_it_ended(killed=killed)
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
            gpu_s=round(ending.wall_s * len(self.plan.devices), 3),
            gpu_memory_peak=self.meter.peak,
            output=state,
            sandbox=self.sandbox,
            soft_limits=soft_limits,
        )


def _write_last(path: Path, outcome: Outcome) -> None:
    draft = path.with_suffix(".draft")
    with draft.open("w", encoding="utf-8") as file:
        json.dump(outcome.as_json(), file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    directory = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(directory)
    os.close(directory)


if __name__ == "__main__":
    status = main(Path(sys.argv[1]))
    sys.stderr.flush()
    # Taking the interpreter apart is a tenth of our processor time, and the run is over only when we are gone.
    os._exit(status)
