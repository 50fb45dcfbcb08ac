"""What the operator reads at the end: a line for each case, then what is wrong, then the counts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from operations.corpus.judging import Outcome
from operations.corpus.running import Report

HEADER = ("case", "expected", "got", "seconds", "leftovers", "canaries", "")
SHORT = {
    "TIME_LIMIT_EXCEEDED": "TIME",
    "MEMORY_LIMIT_EXCEEDED": "MEMORY",
    "DISK_LIMIT_EXCEEDED": "DISK",
    "OUTPUT_LIMIT_EXCEEDED": "OUTPUT",
    "PROCESS_LIMIT_EXCEEDED": "PROCESSES",
}


def table(report: Report) -> Iterator[str]:
    rows = [HEADER, *(_row(outcome) for outcome in report.outcomes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def complaints(report: Report) -> Iterator[str]:
    for outcome in report.outcomes:
        for fault in outcome.faults:
            yield f"{outcome.case.name}: {fault}"
        for left in outcome.leftovers:
            yield f"{outcome.case.name}: left {left}"
        for canary in outcome.canaries:
            yield f"{outcome.case.name}: saw {canary}"
    yield from report.faults


def skips(report: Report) -> Iterator[str]:
    for outcome in report.outcomes:
        if outcome.skipped:
            yield f"{outcome.case.name}: skipped, {outcome.skipped}"


def summary(report: Report, seconds: float) -> str:
    judged = [outcome for outcome in report.outcomes if not outcome.skipped]
    failed = sum(not outcome.holds for outcome in judged)
    skipped = len(report.outcomes) - len(judged)
    leftovers = sum(len(outcome.leftovers) for outcome in judged)
    canaries = sum(len(outcome.canaries) for outcome in judged)
    word = "holds" if report.holds else "DOES NOT HOLD"
    return (
        f"{word}: {len(judged)} cases judged in {seconds:.0f} s, {failed} failed, {skipped} skipped, "
        f"{leftovers} leftovers, {canaries} canaries seen, {len(report.faults)} faults of the whole"
    )


def write(report: Report, path: Path, *, sandbox: str, seconds: float) -> None:
    told = {
        "sandbox": sandbox,
        "holds": report.holds,
        "seconds": round(seconds, 1),
        "faults": report.faults,
        "cases": [outcome.as_json() for outcome in report.outcomes],
    }
    path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _row(outcome: Outcome) -> tuple[str, ...]:
    expected = "|".join(SHORT.get(verdict, verdict) for verdict in outcome.case.expect)
    got = SHORT.get(outcome.got, outcome.got)
    if outcome.score is not None:
        got += f" {outcome.score:g}"
    if outcome.skipped:
        return outcome.case.name, expected, "skipped", "", "", "", ""
    counts = f"{outcome.seconds:.1f}", str(len(outcome.leftovers)), str(len(outcome.canaries))
    return outcome.case.name, expected, got, *counts, "" if outcome.holds else "FAILED"
