"""What happened to a run, decided from facts alone.

Theory of operation. The shim that supervised a sandbox hands over `RunFacts`: kernel counters read from the
sandbox's own cgroup, our own monotonic timers, our own byte counts and the exit status. Nothing a contestant
printed is among them. `decide` walks one fixed order (the first fact that holds wins):

    cancelled > memory > time > disk > output > processes > runtime error > no output > invalid output > scored

Memory stands before time because a trainer whose loader child was killed for memory usually hangs until the
wall. A fault of ours is never a verdict here: it is an exception, and the job is given back.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Any, TypeVar

from runners import wire

MAX_SIGNAL = 64
MAX_EXIT_CODE = 255


class Verdict(enum.StrEnum):
    SCORED = "SCORED"
    TIME_LIMIT_EXCEEDED = "TIME_LIMIT_EXCEEDED"
    MEMORY_LIMIT_EXCEEDED = "MEMORY_LIMIT_EXCEEDED"
    DISK_LIMIT_EXCEEDED = "DISK_LIMIT_EXCEEDED"
    OUTPUT_LIMIT_EXCEEDED = "OUTPUT_LIMIT_EXCEEDED"
    PROCESS_LIMIT_EXCEEDED = "PROCESS_LIMIT_EXCEEDED"
    RUNTIME_ERROR = "RUNTIME_ERROR"
    NO_OUTPUT = "NO_OUTPUT"
    INVALID_OUTPUT = "INVALID_OUTPUT"
    CANCELLED = "CANCELLED"
    INTERNAL_ERROR = "INTERNAL_ERROR"


class KillReason(enum.StrEnum):
    """Why the shim itself ended a run; empty when the program ended by itself."""

    NONE = ""
    WALL = "wall"
    CPU = "cpu"
    MEMORY = "memory"  # our own watch of resident memory, where the kernel's limit is wider or missing
    LOG_FLOOD = "log_flood"
    PIDS = "pids"
    CANCEL = "cancel"


class OutputState(enum.StrEnum):
    """What lay at the place of the required output file when every process was dead."""

    OK = "ok"
    MISSING = "missing"
    NOT_REGULAR = "not_regular"  # a link, FIFO, socket, device, directory, or a file with a second name
    TOO_BIG = "too_big"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """Facts of one finished sandbox. Times in seconds, sizes in bytes."""

    exit_code: int | None  # None when a signal ended it
    signal: int | None
    kill_reason: KillReason = KillReason.NONE
    oom_kills: int = 0
    pids_hits: int = 0  # forks the kernel refused
    disk_full: bool = False  # the sized file system (bytes or inodes) was seen full
    log_bytes: int = 0  # written by the program, kept or not
    log_truncated: bool = False
    wall_s: float = 0.0
    cpu_s: float = 0.0
    memory_peak: int = 0
    disk_peak: int = 0
    gpu_s: float = 0.0  # for how long GPUs were the run's alone, each counted, busy or not
    gpu_memory_peak: int = 0  # the highest sampled, of all its GPUs together
    output: OutputState = OutputState.MISSING
    sandbox: str = ""  # "nsjail", "docker"
    soft_limits: tuple[str, ...] = ()  # limits this host could only watch: "memory", "cpu"

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self) | {"soft_limits": list(self.soft_limits)}

    @classmethod
    def from_json(cls, raw: object) -> RunFacts:
        """Read facts off the wire, every one checked. Raises wire.Malformed."""
        names = {field.name for field in dataclasses.fields(cls)}
        known = wire.only(raw, "facts", needed={"exit_code", "signal"}, allowed=names)
        soft = wire.listed(known, "soft_limits", most=10)
        if not all(isinstance(name, str) and len(name) <= _MAX_WORD for name in soft):
            raise wire.Malformed("soft_limits must be a list of words.")
        return cls(
            exit_code=_or_none(known, "exit_code", least=0, most=MAX_EXIT_CODE),
            signal=_or_none(known, "signal", least=1, most=MAX_SIGNAL),
            kill_reason=_one_of(KillReason, known, "kill_reason", KillReason.NONE),
            oom_kills=wire.whole(known, "oom_kills", default=0),
            pids_hits=wire.whole(known, "pids_hits", default=0),
            disk_full=wire.flag(known, "disk_full"),
            log_bytes=wire.whole(known, "log_bytes", default=0),
            log_truncated=wire.flag(known, "log_truncated"),
            wall_s=wire.number(known, "wall_s", most=wire.MAX_SECONDS, default=0.0),
            cpu_s=wire.number(known, "cpu_s", most=wire.MAX_SECONDS, default=0.0),
            memory_peak=wire.whole(known, "memory_peak", default=0),
            disk_peak=wire.whole(known, "disk_peak", default=0),
            gpu_s=wire.number(known, "gpu_s", most=wire.MAX_SECONDS, default=0.0),
            gpu_memory_peak=wire.whole(known, "gpu_memory_peak", default=0),
            output=_one_of(OutputState, known, "output", OutputState.MISSING),
            sandbox=wire.text(known, "sandbox", most=_MAX_WORD, default=""),
            soft_limits=tuple(soft),
        )


_MAX_WORD = 40
_E = TypeVar("_E", KillReason, OutputState)


def _or_none(known: dict[str, Any], name: str, *, least: int, most: int) -> int | None:
    return None if known[name] is None else wire.whole(known, name, least=least, most=most)


def _one_of(words: type[_E], known: dict[str, Any], name: str, default: _E) -> _E:
    try:
        return words(known.get(name, default))
    except (ValueError, TypeError) as error:
        allowed = ", ".join(repr(word.value) for word in words)
        raise wire.Malformed(f"{name} must be one of {allowed}.") from error


def decide(facts: RunFacts) -> Verdict | None:
    """The verdict these facts force, or None when the output is there to be scored."""
    failed = facts.exit_code != 0
    rules = (
        (facts.kill_reason is KillReason.CANCEL, Verdict.CANCELLED),
        (facts.kill_reason is KillReason.MEMORY, Verdict.MEMORY_LIMIT_EXCEEDED),
        (facts.oom_kills > 0 and failed, Verdict.MEMORY_LIMIT_EXCEEDED),
        (facts.kill_reason in (KillReason.WALL, KillReason.CPU), Verdict.TIME_LIMIT_EXCEEDED),
        (facts.disk_full and failed, Verdict.DISK_LIMIT_EXCEEDED),
        (facts.kill_reason is KillReason.LOG_FLOOD, Verdict.OUTPUT_LIMIT_EXCEEDED),
        (facts.output is OutputState.TOO_BIG, Verdict.OUTPUT_LIMIT_EXCEEDED),
        (facts.kill_reason is KillReason.PIDS, Verdict.PROCESS_LIMIT_EXCEEDED),
        (facts.pids_hits > 0 and failed, Verdict.PROCESS_LIMIT_EXCEEDED),
        (failed, Verdict.RUNTIME_ERROR),
        (facts.output is OutputState.MISSING, Verdict.NO_OUTPUT),
        (facts.output is OutputState.NOT_REGULAR, Verdict.INVALID_OUTPUT),
    )
    return next((verdict for holds, verdict in rules if holds), None)
