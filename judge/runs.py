"""Which of a submission's runs counts: every rejudge adds one of the next generation."""

from __future__ import annotations

from contests.models import Submission
from judge.models import Run
from leaderboard import boards
from runners.verdict import Verdict

# How a rejudge may end without saying anything about the submission: what was found before stands.
SAYS_NOTHING = frozenset({Verdict.CANCELLED.value, Verdict.INTERNAL_ERROR.value})


def latest(submission: Submission) -> Run | None:
    """The run of the highest generation, whatever became of it."""
    return max(submission.runs.all(), key=_generation, default=None)


def current(submission: Submission) -> Run | None:
    """The run that the submission's summary, page, log and files speak of. Uses `runs` where it is prefetched.

    It is the latest, but for a rejudge that was called back or failed by our fault: then the one before it.
    """
    runs = sorted(submission.runs.all(), key=_generation, reverse=True)
    return next((run for run in runs if run.verdict not in SAYS_NOTHING), runs[-1] if runs else None)


def _generation(run: Run) -> int:
    return run.generation


def after_rejudge(run: Run) -> bool:
    """Settle the summary of a submission whose rejudge brought no score. Returns whether a board changed."""
    submission = Submission.objects.prefetch_related("runs").get(pk=run.submission_id)
    stands = current(submission)
    if stands is not None and stands.pk != run.pk:
        _write_back(submission, stands)
        return False
    submission.public_score = submission.private_score = None
    submission.save(update_fields=["public_score", "private_score"])
    return boards.withdraw_score(submission=submission, generation=run.generation)


def _write_back(submission: Submission, stands: Run) -> None:
    """The summary as it was before a rejudge that says nothing. Scores were never touched meanwhile."""
    Submission.objects.filter(pk=submission.pk).update(
        status=stands.status, verdict=stands.verdict, finished_at=stands.finished_at
    )
