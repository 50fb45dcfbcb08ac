"""One row per way a run can end: the facts and the verdict they force."""

from __future__ import annotations

from typing import Any

import pytest

from runners.verdict import KillReason, OutputState, RunFacts, Verdict, decide

SCORED = None
OK, MISSING, ODD, BIG = OutputState.OK, OutputState.MISSING, OutputState.NOT_REGULAR, OutputState.TOO_BIG


def _facts(**changes: Any) -> RunFacts:
    return RunFacts(**({"exit_code": 0, "signal": None, "output": OK} | changes))


_KILLED: dict[str, Any] = {"exit_code": None, "signal": 9}
_TABLE: list[tuple[str, dict[str, Any], Verdict | None]] = [
    ("good", {}, SCORED),
    ("nothing written", {"output": MISSING}, Verdict.NO_OUTPUT),
    ("a link written", {"output": ODD}, Verdict.INVALID_OUTPUT),
    ("too much written", {"output": BIG}, Verdict.OUTPUT_LIMIT_EXCEEDED),
    ("exit 1 with output", {"exit_code": 1}, Verdict.RUNTIME_ERROR),
    ("exit 137 is no memory limit", {"exit_code": 137}, Verdict.RUNTIME_ERROR),
    ("exit 143 is no time limit", {"exit_code": 143}, Verdict.RUNTIME_ERROR),
    ("crash", {"exit_code": None, "signal": 11}, Verdict.RUNTIME_ERROR),
    ("SIGKILL that nobody of ours sent", _KILLED, Verdict.RUNTIME_ERROR),
    ("wall", _KILLED | {"kill_reason": KillReason.WALL}, Verdict.TIME_LIMIT_EXCEEDED),
    ("CPU", _KILLED | {"kill_reason": KillReason.CPU}, Verdict.TIME_LIMIT_EXCEEDED),
    ("output, then hang", {"kill_reason": KillReason.WALL}, Verdict.TIME_LIMIT_EXCEEDED),
    ("our watch of memory", _KILLED | {"kill_reason": KillReason.MEMORY}, Verdict.MEMORY_LIMIT_EXCEEDED),
    ("kernel kill", _KILLED | {"oom_kills": 1}, Verdict.MEMORY_LIMIT_EXCEEDED),
    ("child killed, parent exits 1", {"exit_code": 1, "oom_kills": 1}, Verdict.MEMORY_LIMIT_EXCEEDED),
    (
        "child killed, parent hangs",
        _KILLED | {"kill_reason": KillReason.WALL, "oom_kills": 1},
        Verdict.MEMORY_LIMIT_EXCEEDED,
    ),
    ("disk full", {"exit_code": 1, "disk_full": True, "output": MISSING}, Verdict.DISK_LIMIT_EXCEEDED),
    ("disk full, but it coped", {"disk_full": True}, SCORED),
    ("flood", _KILLED | {"kill_reason": KillReason.LOG_FLOOD}, Verdict.OUTPUT_LIMIT_EXCEEDED),
    ("a long log is no fault", {"log_truncated": True, "log_bytes": 10**8}, SCORED),
    ("fork bomb", _KILLED | {"kill_reason": KillReason.PIDS}, Verdict.PROCESS_LIMIT_EXCEEDED),
    ("refused fork, exit 1", {"exit_code": 1, "pids_hits": 1}, Verdict.PROCESS_LIMIT_EXCEEDED),
    ("refused fork, but it coped", {"pids_hits": 3}, SCORED),
    ("cancelled", _KILLED | {"kill_reason": KillReason.CANCEL}, Verdict.CANCELLED),
    (
        "cancelled after a kill for memory",
        _KILLED | {"kill_reason": KillReason.CANCEL, "oom_kills": 1},
        Verdict.CANCELLED,
    ),
    (
        "memory before disk before processes",
        {"exit_code": 1, "oom_kills": 1, "disk_full": True, "pids_hits": 1},
        Verdict.MEMORY_LIMIT_EXCEEDED,
    ),
    (
        "time before disk",
        _KILLED | {"kill_reason": KillReason.WALL, "disk_full": True},
        Verdict.TIME_LIMIT_EXCEEDED,
    ),
    (
        "disk before processes",
        {"exit_code": 1, "disk_full": True, "pids_hits": 1},
        Verdict.DISK_LIMIT_EXCEEDED,
    ),
]


@pytest.mark.parametrize(("changes", "verdict"), [row[1:] for row in _TABLE], ids=[row[0] for row in _TABLE])
def test_facts_force_one_verdict(changes: dict[str, Any], verdict: Verdict | None) -> None:
    assert decide(_facts(**changes)) is verdict


def test_facts_come_back_from_json_unchanged() -> None:
    facts = _facts(kill_reason=KillReason.CPU, soft_limits=("memory", "cpu"), output=BIG, cpu_s=1.5)
    assert RunFacts.from_json(facts.as_json()) == facts


def test_an_unknown_fact_is_refused() -> None:
    with pytest.raises(TypeError):
        RunFacts.from_json(_facts().as_json() | {"verdict": "SCORED"})
