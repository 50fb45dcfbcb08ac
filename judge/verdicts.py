"""Verdicts in words a beginner understands: what happened, and what to try next."""

from __future__ import annotations

import dataclasses
from typing import Any

from django.utils.translation import gettext as _

from judge import stages
from judge.models import Run
from runners.spec import JobKind, Limits
from runners.verdict import Verdict


@dataclasses.dataclass(frozen=True, slots=True)
class Explanation:
    title: str
    text: str
    hint: str = ""


def explain(verdict: str, run: Run | None = None) -> Explanation:
    """The words for a verdict; limits are those of the run's task where they matter."""
    stage = None if run is None else stages.of(run)
    limits = Limits() if run is None else stages.limits(run.task_version, stage or JobKind.RUN)
    said = _EXPLANATIONS[Verdict(verdict)](limits, run)
    if run is not None and verdict not in {Verdict.SCORED, Verdict.CANCELLED, Verdict.INTERNAL_ERROR}:
        said = _of_stage(said, Verdict(verdict), stage, run.trace)
    cell = _cell(run.facts.get("notebook") or {}) if run is not None else ""
    return dataclasses.replace(said, text=f"{said.text} {cell}") if cell else said


def _of_stage(
    said: Explanation, verdict: Verdict, stage: JobKind | None, trace: dict[str, Any]
) -> Explanation:
    """The same words, about the program of that stage; beside hidden data without what would lead to a log."""
    if trace:
        text = (
            _beside_hidden(trace)
            if verdict is Verdict.RUNTIME_ERROR
            else f"{said.text} {_beside_hidden(trace)}"
        )
        hint = _("Try the program on other rows of the public files. Beside hidden rows no log is shown.")
        return Explanation(said.title, text, hint)
    if stage is JobKind.REHEARSE:
        note = _("That was in the rehearsal on the public samples: no quota is used up.")
        return dataclasses.replace(said, text=f"{said.text} {note}")
    if stage is JobKind.TRAIN:
        return _of_training(said, verdict)
    return said


def _of_training(said: Explanation, verdict: Verdict) -> Explanation:
    text = {
        Verdict.NO_OUTPUT: _("train.py ended without an error but left no file in /model."),
        Verdict.INVALID_OUTPUT: _(
            "train.py left a link or something else in /model that is no ordinary file."
        ),
        Verdict.OUTPUT_LIMIT_EXCEEDED: _("The model that train.py left is too large, or it flooded its log."),
    }.get(verdict)
    hint = _("Write what predict.py needs into /model, as plain files.")
    return said if text is None else Explanation(said.title, text, hint)


def _beside_hidden(trace: dict[str, Any]) -> str:
    """Where a program ended beside hidden data, from the few words that are told (judge.withholding)."""
    if not trace.get("explained"):
        return _("It failed beside hidden rows. No more failures are explained today.")
    told = {name: trace.get(name, "") for name in ("exception", "file", "line", "cell", "cells")}
    if told["cell"]:
        sentence = _("It ended beside hidden rows in cell %(cell)s of %(cells)s.")
    elif told["file"]:
        sentence = _("It ended beside hidden rows in %(file)s, line %(line)s.")
    else:
        sentence = _("It failed beside hidden rows.")
    exception = _("The exception is of the kind %(exception)s.") if told["exception"] else ""
    return " ".join(filter(None, (sentence, exception))) % told


def _cell(notebook: dict[str, Any]) -> str:
    """Which cell of a notebook failed, or was running at the end: its own words, shown as information only."""
    if failed := notebook.get("failed"):
        said = ": ".join(filter(None, (failed["name"], failed["message"]))) or failed["line"]
        return _("Cell %(number)s of %(cells)s failed: %(said)s") % {
            "number": failed["cell"],
            "cells": notebook["cells"],
            "said": said,
        }
    if running := notebook.get("running"):
        return _("Cell %(number)s of %(cells)s was running: %(line)s") % {
            "number": running["cell"],
            "cells": notebook["cells"],
            "line": running["line"],
        }
    return ""


def _scored(limits: Limits, run: Run | None) -> Explanation:
    return Explanation(_("Scored"), _("Your predictions were complete and have been scored."))


def _time(limits: Limits, run: Run | None) -> Explanation:
    return Explanation(
        _("Time limit exceeded"),
        _(
            "Your program was still running after %(wall)d seconds (%(cpu)d seconds of CPU), so it was stopped."
        )
        % {"wall": limits.wall_s, "cpu": limits.cpu_s},
        _("Train for fewer rounds, use a smaller model or part of the data, and print the time as you go."),
    )


def _memory(limits: Limits, run: Run | None) -> Explanation:
    return Explanation(
        _("Memory limit exceeded"),
        _("Your program, with all processes it started, needed more than %(mb)d MB of memory.")
        % {"mb": limits.memory_mb},
        _("Read the data in smaller types (float32), in pieces, or lower the batch size and worker count."),
    )


def _disk(limits: Limits, run: Run | None) -> Explanation:
    return Explanation(
        _("Disk limit exceeded"),
        _(
            "Your program filled the %(mb)d MB it may write to /output and /tmp, "
            "or made more than %(files)d files there."
        )
        % {"mb": limits.disk_mb, "files": limits.inodes},
        _("Delete what you no longer need, and keep checkpoints small."),
    )


def _output(limits: Limits, run: Run | None) -> Explanation:
    return Explanation(
        _("Output limit exceeded"),
        _("Your program wrote a submission.csv larger than %(mb)d MB, or flooded its log.")
        % {"mb": limits.output_mb},
        _("Write only the id and target columns, and print less."),
    )


def _processes(limits: Limits, run: Run | None) -> Explanation:
    return Explanation(
        _("Process limit exceeded"),
        _("Your program tried to have more than %(n)d processes and threads at once.") % {"n": limits.pids},
        _("Lower n_jobs, num_workers or the size of your pools."),
    )


def _runtime(limits: Limits, run: Run | None) -> Explanation:
    facts = {} if run is None else run.facts
    if facts.get("signal"):
        text = _("Your program was ended by signal %(signal)s, for example by a crash in native code.") % {
            "signal": facts["signal"]
        }
    else:
        text = _("Your program ended with an error (exit status %(code)s).") % {
            "code": facts.get("exit_code", "?")
        }
    return Explanation(
        _("Runtime error"),
        text,
        _("The last lines of the log usually name the line of your code that failed."),
    )


def _none(limits: Limits, run: Run | None) -> Explanation:
    return Explanation(
        _("No output"),
        _("Your program ended without an error but left no file /output/submission.csv."),
        _("Write your predictions to /output/submission.csv; the current folder is /output."),
    )


def _invalid(limits: Limits, run: Run | None) -> Explanation:
    if run is not None and run.facts.get("output") == "not_regular":
        text = _("/output/submission.csv is not an ordinary file, so it was not read.")
    else:
        text = _("The predictions do not have the form this task asks for. The mistakes are listed below.")
    return Explanation(
        _("Invalid output"), text, _("Compare your file with sample_submission.csv: same columns, same ids.")
    )


def _cancelled(limits: Limits, run: Run | None) -> Explanation:
    return Explanation(
        _("Cancelled"),
        _("This submission was called back after it had started, so it counts against your quota.")
        if run is not None and run.started_at
        else _("This submission was called back before it started. It does not count against your quota."),
    )


def _internal(limits: Limits, run: Run | None) -> Explanation:
    return Explanation(
        _("Internal error"),
        _("Podium could not judge this submission after three attempts. That is our fault, not yours."),
        _(
            "It does not count against your quota. Hand it in again, and tell the organisers if it happens again."
        ),
    )


_EXPLANATIONS = {
    Verdict.SCORED: _scored,
    Verdict.TIME_LIMIT_EXCEEDED: _time,
    Verdict.MEMORY_LIMIT_EXCEEDED: _memory,
    Verdict.DISK_LIMIT_EXCEEDED: _disk,
    Verdict.OUTPUT_LIMIT_EXCEEDED: _output,
    Verdict.PROCESS_LIMIT_EXCEEDED: _processes,
    Verdict.RUNTIME_ERROR: _runtime,
    Verdict.NO_OUTPUT: _none,
    Verdict.INVALID_OUTPUT: _invalid,
    Verdict.CANCELLED: _cancelled,
    Verdict.INTERNAL_ERROR: _internal,
}
