"""One row per way a run can end: the facts and the verdict they force."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from runners.spec import InputFile, OutputFile
from runners.verdict import KillReason, OutputState, RunFacts, Verdict, decide
from runners.wire import Malformed

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


# What forces each verdict alone, in the order in which they are decided.
_FORCED: list[tuple[Verdict, dict[str, Any]]] = [
    (Verdict.CANCELLED, {"kill_reason": KillReason.CANCEL}),
    (Verdict.MEMORY_LIMIT_EXCEEDED, {"exit_code": 1, "oom_kills": 1}),
    (Verdict.TIME_LIMIT_EXCEEDED, {"kill_reason": KillReason.WALL}),
    (Verdict.DISK_LIMIT_EXCEEDED, {"exit_code": 1, "disk_full": True}),
    (Verdict.OUTPUT_LIMIT_EXCEEDED, {"output": BIG}),
    (Verdict.PROCESS_LIMIT_EXCEEDED, {"exit_code": 1, "pids_hits": 1}),
    (Verdict.RUNTIME_ERROR, {"exit_code": 1}),
    (Verdict.NO_OUTPUT, {"output": MISSING}),
    (Verdict.INVALID_OUTPUT, {"output": ODD}),
]
_PAIRS = [
    (first, second)
    for first, second in itertools.combinations(_FORCED, 2)
    if all(second[1].get(name, value) == value for name, value in first[1].items())  # both can be
]


@pytest.mark.parametrize(("first", "second"), _PAIRS, ids=[f"{a[0]}-{b[0]}" for a, b in _PAIRS])
def test_of_two_that_hold_the_earlier_one_is_the_verdict(
    first: tuple[Verdict, dict[str, Any]], second: tuple[Verdict, dict[str, Any]]
) -> None:
    assert decide(_facts(**second[1])) is second[0]
    assert decide(_facts(**(second[1] | first[1]))) is first[0]


def test_facts_come_back_from_json_unchanged() -> None:
    facts = _facts(kill_reason=KillReason.CPU, soft_limits=("memory", "cpu"), output=BIG, cpu_s=1.5)
    assert RunFacts.from_json(facts.as_json()) == facts


def test_an_unknown_fact_is_refused() -> None:
    with pytest.raises(Malformed, match="verdict"):
        RunFacts.from_json(_facts().as_json() | {"verdict": "SCORED"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("exit_code", "0"),
        ("exit_code", True),
        ("exit_code", 256),
        ("exit_code", 0.0),
        ("signal", 0),
        ("signal", "9"),
        ("kill_reason", "bored"),
        ("kill_reason", ["wall"]),
        ("oom_kills", "x"),
        ("oom_kills", -1),
        ("pids_hits", 1.5),
        ("disk_full", 1),
        ("log_bytes", 10**400),
        ("log_truncated", "no"),
        ("wall_s", float("nan")),
        ("wall_s", float("inf")),
        ("wall_s", -1.0),
        ("wall_s", "1"),
        ("cpu_s", True),
        ("cpu_s", None),
        ("cpu_s", 10**400),
        ("memory_peak", 1.0),
        ("disk_peak", None),
        ("output", None),
        ("output", {}),
        ("sandbox", 1),
        ("sandbox", "x" * 41),
        ("soft_limits", "memory"),
        ("soft_limits", [1]),
        ("soft_limits", ["cpu"] * 11),
    ],
)
def test_a_fact_of_the_wrong_type_or_range_is_refused_in_a_sentence(name: str, value: object) -> None:
    with pytest.raises(Malformed, match=rf"^{name} .*\.$"):
        RunFacts.from_json(_facts().as_json() | {name: value})


@pytest.mark.parametrize("raw", [None, [], "facts", {}, {"exit_code": 0}])
def test_facts_that_lack_how_it_ended_are_refused(raw: object) -> None:
    with pytest.raises(Malformed):
        RunFacts.from_json(raw)


_FILE: dict[str, object] = {"name": "submission.csv", "sha256": "0" * 64, "size": 3}
_WRONG_DIGESTS: list[object] = [[], None, "0" * 63, "g" * 64, "A" * 64, "0" * 64 + "\n"]
_WRONG_FILES: list[object] = [
    None,
    [],
    {"name": "x"},
    _FILE | {"more": 1},
    *(
        _FILE | {"name": name}
        for name in (None, "", "../../x", "a\x00\nb", "a/b", ".hidden", "a\n", "é", "x" * 101)
    ),
    *(_FILE | {"sha256": digest} for digest in _WRONG_DIGESTS),
    *(_FILE | {"size": size} for size in (-1, "3", 3.0, True, None, 2**60)),
]


@pytest.mark.parametrize("raw", _WRONG_FILES, ids=repr)
def test_a_file_of_another_form_is_refused(raw: object) -> None:
    with pytest.raises(Malformed):
        OutputFile.from_json(raw)


def test_files_come_back_from_json_unchanged() -> None:
    assert OutputFile.from_json(_FILE) == OutputFile(name="submission.csv", sha256="0" * 64, size=3)
    given = {"path": "/input/x", "sha256": "1" * 64, "size": 0}
    assert InputFile.from_json(given) == InputFile(path="/input/x", sha256="1" * 64, size=0)


@pytest.mark.parametrize(
    "wrong", [{"path": None}, {"sha256": "../../etc/passwd"}, {"sha256": None}, {"size": "1"}, {"size": None}]
)
def test_an_input_whose_digest_is_no_digest_never_becomes_a_path(wrong: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        InputFile.from_json({"path": "/input/x", "sha256": "1" * 64, "size": 0} | wrong)
