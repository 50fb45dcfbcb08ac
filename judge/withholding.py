"""What is told of a run beside hidden features: little, of few words, and of failures only some each day.

Theory of operation. The contestant's program wrote, or could have written, everything that comes back from such a run.
Each thing that is told can carry the hidden data out, so each is one of few values:

    verdict                one of eleven; always told
    time, memory           rounded up to 1, 2 or 5 times a power of ten, and to a power of two
    own file, own line     a file of the submission itself and a line that it has; or the number of a cell
    exception              a name of runners.traced.known, never the contestant's own
    mistakes of a file     which of four kinds the first was; no id, no value, no row number

Of failures all but the verdict is told to a team `TaskVersion.hidden_replies` times a day, counted under the team's
lock. Logs, curves, files, executed notebooks and a metric's feedback are not told at all. Exact facts are kept in the
job's `usage`, which operators see. What a score and the clock on the wall tell cannot be withheld; quotas bound it.
"""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from contests import blobs, notebooks, rules
from contests.models import Blob, Submission, TaskVersion, Team
from judge import projects
from judge.models import Job, Run
from runners.notebook.bundle import REPORT
from runners.spec import JobKind
from runners.traced.bundle import MAX_TRACE, TRACE
from runners.traced.known import BUILTIN, NAMES
from runners.verdict import RunFacts

_MAX_REPORT = 8192
_MAX_SOURCE = 1 << 20  # of a file whose lines are counted
_SMALLEST_MEMORY = 64 << 20
# The kinds of mistakes in predictions, by the beginnings or whole codes of metrics.complaints.
_KINDS: Mapping[str, frozenset[str]] = {
    "hidden_file": frozenset(
        {"empty_file", "not_csv", "utf16", "not_utf8", "nul_byte", "row_too_long", "malformed_csv"}
    ),
    "hidden_header": frozenset(
        {
            "missing_column",
            "misspelled_column",
            "extra_column",
            "extra_index_column",
            "duplicate_column",
            "no_header",
            "separator_line",
            "wrong_separator",
        }
    ),
    "hidden_rows": frozenset(
        {
            "no_rows",
            "too_many_rows",
            "too_few_cells",
            "too_many_cells",
            "blank_id",
            "duplicate_id",
            "unknown_id",
            "id_lost_zeros",
            "id_became_decimal",
            "id_became_scientific",
            "id_has_spaces",
            "missing_ids",
        }
    ),
}
SENTENCES = {
    "hidden_file": _("The file cannot be read as CSV text."),
    "hidden_header": _(
        "The header is not what is asked for: the id column and the target columns, no others."
    ),
    "hidden_rows": _("The rows are not those that are asked for: each id of the test rows, exactly once."),
    "hidden_values": _("A value is missing or is not of the form that the metric takes."),
}


def coarse(facts: RunFacts) -> dict[str, Any]:
    """What a run used, in steps that tell little; the names are those of RunFacts."""
    return {
        "wall_s": _step(facts.wall_s),
        "cpu_s": _step(facts.cpu_s),
        "gpu_s": _step(facts.gpu_s) if facts.gpu_s else 0.0,
        "memory_peak": _power(facts.memory_peak),
        "disk_peak": 0,
    }


def _step(seconds: float) -> float:
    """Rounded up to 1, 2 or 5 times a power of ten, at least one second."""
    if seconds <= 1:
        return 1.0
    unit = 10.0 ** math.floor(math.log10(seconds))
    return next(unit * factor for factor in (1, 2, 5, 10) if seconds <= unit * factor)


def _power(size: int) -> int:
    most = _SMALLEST_MEMORY
    while most < size:
        most *= 2
    return most


def explained(run: Run, now: datetime.datetime) -> bool:
    """Whether this failure is explained: the team has replies left today. Takes the team's lock, so the count is exact.

    Organisers' trials are always explained: they know the data.
    """
    submission = run.submission
    if submission.trial:
        return True
    Team.objects.select_for_update(no_key=True).filter(pk=submission.team_id).values_list("pk").get()
    return replies_left(submission.team, run.task_version, now) > 0


def replies_left(team: Team | None, version: TaskVersion, now: datetime.datetime) -> int:
    """How many failures are still explained to the team today."""
    told = Run.objects.filter(
        submission__team=team,
        task_version__task=version.task_id,
        finished_at__gte=rules.day_start(now),
        trace__explained=True,
    )
    return max(0, version.hidden_replies - (0 if team is None else told.count()))


def failure(
    job: Job, run: Run, facts: RunFacts, uploads: Mapping[str, Blob], now: datetime.datetime
) -> dict[str, Any]:
    """The fields of Run that tell of a failure beside hidden features."""
    trace: dict[str, Any] = {"stage": job.kind, "explained": explained(run, now)}
    if not trace["explained"]:
        return {"facts": {}, "trace": trace}
    return {
        "facts": coarse(facts) | {"stage": job.kind},
        "trace": trace | _read_trace(run.submission, uploads),
    }


def mistakes(run: Run, errors: Sequence[dict[str, Any]], now: datetime.datetime) -> dict[str, Any]:
    """The same for predictions that are not what the task asks for."""
    stage = JobKind.PREDICT if run.submission.kind == Submission.Kind.PROJECT else JobKind.RUN
    trace = {"stage": stage.value, "explained": explained(run, now)}
    if not trace["explained"]:
        return {"facts": {}, "trace": trace, "errors": []}
    return {"trace": trace, "errors": [{"code": _kind_of(errors), "params": {}, "message": ""}]}


def _kind_of(errors: Sequence[dict[str, Any]]) -> str:
    first = errors[0].get("code") if errors else ""
    return next((kind for kind, codes in _KINDS.items() if first in codes), "hidden_values")


def _read_trace(submission: Submission, uploads: Mapping[str, Blob]) -> dict[str, Any]:
    """Where and with which class the program ended, as far as it said so in words that may be told."""
    try:
        if submission.kind == Submission.Kind.NOTEBOOK:
            return _cell(submission, _object(uploads[REPORT], _MAX_REPORT))
        return _line(submission, _object(uploads[TRACE], MAX_TRACE))
    except (KeyError, ValueError, TypeError, RecursionError):
        return {}


def _object(blob: Blob, limit: int) -> dict[str, Any]:
    if blob.size > limit:
        raise ValueError("too long for what it should be")
    raw = json.loads(blobs.head(blob, limit))
    if not isinstance(raw, dict):
        raise TypeError("no object")
    return raw


def _line(submission: Submission, raw: dict[str, Any]) -> dict[str, Any]:
    exception = raw["exception"]
    told = {"exception": exception} if isinstance(exception, str) and exception in NAMES else {}
    file, line = raw["file"], raw["line"]
    if isinstance(file, str) and _whole(line) and 1 <= line <= _lines(submission, file):
        told |= {
            "file": submission.filename if submission.kind == Submission.Kind.SCRIPT else file,
            "line": line,
        }
    return told


def _lines(submission: Submission, file: str) -> int:
    """How many lines a file of the submission has; 0 where there is no such file of Python."""
    if submission.kind == Submission.Kind.SCRIPT:
        return blobs.head(submission.blob, _MAX_SOURCE).count(b"\n") + 1 if file == "main.py" else 0
    if not file.endswith(".py") or file not in projects.names(submission.blob):
        return 0
    return projects.lines(submission.blob, file, _MAX_SOURCE)


def _cell(submission: Submission, raw: dict[str, Any]) -> dict[str, Any]:
    """Of a notebook: which cell failed, or was running at the end."""
    failed = raw.get("failed") or raw.get("running") or {}
    cells = len(notebooks.code_cells(blobs.head(submission.blob, notebooks.MAX_BYTES), most=None) or ())
    told: dict[str, Any] = {}
    if _whole(failed["cell"]) and 1 <= failed["cell"] <= cells:
        told = {"cell": failed["cell"], "cells": cells}
    # A short name could be any library's, so of short names only Python's own are told.
    named = [*failed.get("kinds", ()), *(name for name in (failed.get("name"),) if name in BUILTIN)]
    name = next((name for name in named if name in NAMES), "Exception")
    return told | ({"exception": name} if "failed" in raw else {})


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
