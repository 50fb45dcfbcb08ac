"""The way of a submission as its page and the API tell it: which stages it has, and where it is or ended."""

from __future__ import annotations

import dataclasses
import datetime

from django.utils.translation import gettext as _

from contests.models import Submission
from judge import stages
from judge.models import Job, Run
from runners.spec import JobKind
from runners.verdict import Verdict

_ORDER = (*stages.PROGRAMS, JobKind.SCORE)


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """`state` is "done", "now", "stopped" (here it ended early) or "" (not reached)."""

    words: str
    state: str
    since: datetime.datetime | None = None


def jobs_of(run: Run | None) -> list[Job]:
    """The jobs of a run in the order of its stages: each is there once the stage is reached."""
    return [] if run is None else sorted(run.jobs.all(), key=lambda job: _ORDER.index(JobKind(job.kind)))


def way(submission: Submission, run: Run | None) -> list[Step]:
    kinds = _kinds(submission, run)
    words = [_("Waiting"), *(_words(kind, kinds) for kind in kinds), _("Scoring"), _("Done")]
    jobs = jobs_of(run)
    last = jobs[-1] if jobs else None
    here = len(words) if submission.verdict == Verdict.SCORED else _place(submission, kinds, last)
    at = "stopped" if submission.is_terminal else "now"
    since = last.claimed_at if last is not None and last.status == Job.Status.RUNNING else None
    return [
        Step(word, "done" if place < here else at if place == here else "", since if place == here else None)
        for place, word in enumerate(words)
    ]


def _kinds(submission: Submission, run: Run | None) -> list[JobKind]:
    """The programs that the submission goes through when all goes well."""
    if submission.kind == Submission.Kind.PREDICTIONS:
        return []
    first = JobKind.RUN if run is None else stages.first(run)
    return [first, stages.NEXT[first]] if first in stages.NEXT else [first]


def _words(kind: JobKind, kinds: list[JobKind]) -> str:
    if kind is JobKind.REHEARSE:
        return _("Rehearsal")
    if kind is JobKind.TRAIN:
        return _("Training")
    if kind is JobKind.PREDICT:
        return _("Prediction")
    return _("Running") if len(kinds) == 1 else _("Hidden rows")


def _place(submission: Submission, kinds: list[JobKind], last: Job | None) -> int:
    """Which step is under way, or was the last one."""
    scoring = len(kinds) + 1
    if last is None or (last.claimed_at is None and last.kind == _first(kinds)):
        return 0
    if last.kind == JobKind.SCORE or submission.status == Submission.Status.SCORING:
        return scoring
    if submission.verdict == Verdict.INVALID_OUTPUT and last.kind == kinds[-1]:
        return scoring  # it left something, and that cannot be scored
    if not submission.is_terminal and last.status == Job.Status.QUEUED and last.kind == kinds[0]:
        return 0  # given back: it waits again
    return 1 + kinds.index(JobKind(last.kind)) if last.kind in kinds else 1


def _first(kinds: list[JobKind]) -> JobKind:
    return kinds[0] if kinds else JobKind.SCORE
