"""How a submission's state is shown on pages."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from contests.models import Submission
from contests.templatetags.podium import score
from judge.verdicts import explain
from metrics import complaints
from runners.verdict import Verdict

register = template.Library()

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
    run = next(iter(submission.runs.all()), None)
    return score(submission.public_score, run.task_version.definition.decimals if run else 5)


@register.filter
def complaint(error: dict[str, Any]) -> str:
    """One mistake in a prediction file, in the reader's language; the scorer's English when it is not known here."""
    try:
        return str(gettext(complaints.TEMPLATES[error["code"]]) % error["params"])
    except (KeyError, TypeError, ValueError):
        return str(error.get("message", ""))
