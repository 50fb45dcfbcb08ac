"""How a submission's state is shown on pages."""

from __future__ import annotations

import math
from typing import Any

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from contests.models import Contest, Submission
from contests.templatetags.podium import duration, megabytes, score
from judge import quotas, runs, withholding
from judge.forecast import Range
from judge.verdicts import explain
from metrics import complaints
from runners.verdict import Verdict

register = template.Library()

FIGURES = {
    "cpu": _("CPU, % of one core"),
    "cpu_time": _("CPU time"),
    "memory": _("Memory"),
    "disk": _("Disk"),
    "gpu": _("GPU, %"),
    "gpu_memory": _("GPU memory"),
}
MANY_DIGITS = 1e6
MINUTE, HOUR = 60, 3600
# {low} and {high} are numbers of at least 1 and 2; js/submission.js fills them in, too.
STARTS = {
    "minute": _("Will most likely start within a minute"),
    "within_minutes": _("Will most likely start within {high} minutes"),
    "minutes": _("Will most likely start in {low} to {high} minutes"),
    "within_hours": _("Will most likely start within {high} hours"),
    "hours": _("Will most likely start in {low} to {high} hours"),
}
_TONE = {Verdict.SCORED.value: "ok", Verdict.CANCELLED.value: "", "": "run"}
STATES = {
    Submission.Status.QUEUED: _("Waiting"),
    Submission.Status.RUNNING: _("Running"),
    Submission.Status.SCORING: _("Scoring"),
}


@register.filter
def tone(verdict: str) -> str:
    """The colour a verdict is shown in: ok, bad, run (no verdict yet), or none."""
    return _TONE.get(verdict, "bad")


@register.filter
def state_words(submission: Submission) -> str:
    """What a submission's state is called: the verdict when there is one."""
    if submission.verdict:
        return explain(submission.verdict).title
    return str(STATES.get(Submission.Status(submission.status), submission.status))


@register.inclusion_tag("judge/state_tag.html")
def state_tag(submission: Submission) -> dict[str, Any]:
    tone_of = "wait" if submission.status == Submission.Status.QUEUED else tone(submission.verdict)
    return {"tone": tone_of, "words": state_words(submission)}


@register.simple_tag
def score_of(submission: Submission) -> str:
    """The public score as its board shows it. Wants `runs__task_version` prefetched."""
    run = runs.current(submission)
    return score(submission.public_score, run.task_version.definition.decimals if run else 5)


@register.simple_tag
def quota_of(contest: Contest, user: object) -> quotas.Quota | None:
    """What the reader may still hand in; None for visitors and while nothing is taken in."""
    return quotas.quota(user, contest) if getattr(user, "is_authenticated", False) else None


@register.filter
def starts_in(starts: Range | None) -> str:
    """When a submission may start, as js/submission.js says it; "" where nobody can tell."""
    if starts is None:
        return ""
    kind, low, high = _rounded(starts.low, starts.high)
    return str(STARTS[kind]).format(low=low, high=high)


def _rounded(low: float, high: float) -> tuple[str, int, int]:
    """In minutes or hours, the near end rounded down and the far end up: it shall not promise more than it knows."""
    if high <= MINUTE:
        return "minute", 0, 1
    unit = HOUR if high > 2 * HOUR else MINUTE
    name = "hours" if unit == HOUR else "minutes"
    least, most = int(low // unit), math.ceil(high / unit)
    return name if least else f"within_{name}", least, most


@register.simple_tag
def start_words() -> dict[str, Any]:
    return STARTS


@register.filter
def gpu_minutes(seconds: float | None) -> str:
    return "–" if seconds is None else quotas.in_minutes(seconds)


@register.filter
def figure_name(what: str) -> str:
    """What a figure of judge.usage_table is called."""
    return str(FIGURES[what])


@register.filter
def in_unit(value: float | None, kind: str) -> str:
    """A figure of judge.usage_table as a person reads it."""
    if value is None:
        return "–"
    return {"percent": _percent, "seconds": duration, "megabytes": megabytes}[kind](value)


@register.filter
def figure(value: float) -> str:
    """A number of a metric's feedback, which has three digits that count."""
    text = f"{abs(value):g}" if abs(value) < MANY_DIGITS else f"{abs(value):.2e}"
    return f"\N{MINUS SIGN}{text}" if value < 0 else text


@register.filter
def three_decimals(value: float | None) -> str:
    return "–" if value is None else number_format(value, 3)


@register.filter
def share_as_percent(share: float | str) -> str:
    """A part of 1, which may have been the name of a JSON field, in percent."""
    return f"{100 * float(share):.3g} %"


@register.filter
def unlocalized(value: float) -> str:
    """A place in a picture: SVG knows no decimal comma."""
    return f"{value:g}"


@register.filter
def half(value: float) -> str:
    return f"{value / 2:g}"


@register.filter
def class_name(name: str) -> str:
    """A class of a confusion matrix; the last column and row may be all other classes."""
    return name or gettext("other")


def _percent(value: float) -> str:
    return f"{number_format(round(value))} %"


@register.filter
def complaint(error: dict[str, Any]) -> str:
    """One mistake in a prediction file, in the reader's language; the scorer's English when it is not known here."""
    if error.get("code") in withholding.SENTENCES:
        return str(withholding.SENTENCES[error["code"]])
    try:
        return str(gettext(complaints.TEMPLATES[error["code"]]) % error["params"])
    except (KeyError, TypeError, ValueError):
        return str(error.get("message", ""))
