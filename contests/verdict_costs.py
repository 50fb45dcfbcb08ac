"""What each verdict means and costs, for the contest page; docs/compete.md says the same (a test compares)."""

from __future__ import annotations

import dataclasses

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from contests import rules
from runners.verdict import Verdict

# In the order in which they are decided: when several hold, the first does.
MEANINGS = {
    Verdict.CANCELLED: gettext_noop("you called it back"),
    Verdict.MEMORY_LIMIT_EXCEEDED: gettext_noop("it needed more memory than the limit"),
    Verdict.TIME_LIMIT_EXCEEDED: gettext_noop(
        "it was still running at the wall limit, or used up its CPU time"
    ),
    Verdict.DISK_LIMIT_EXCEEDED: gettext_noop("it failed with its disk full"),
    Verdict.OUTPUT_LIMIT_EXCEEDED: gettext_noop("submission.csv is too large, or the log was flooded"),
    Verdict.PROCESS_LIMIT_EXCEEDED: gettext_noop("it failed after it was refused another process"),
    Verdict.RUNTIME_ERROR: gettext_noop("it ended with an exit status other than 0, or by a signal"),
    Verdict.NO_OUTPUT: gettext_noop("it ended well and left no /output/submission.csv"),
    Verdict.INVALID_OUTPUT: gettext_noop(
        "submission.csv is not a plain file, or not what the task asks for; up to 20 mistakes are listed"
    ),
    Verdict.SCORED: gettext_noop("it has a score and counts on the board"),
    Verdict.INTERNAL_ERROR: gettext_noop("we failed three times to judge it: our fault"),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Cost:
    verdict: str
    meaning: str
    cost: str


def table() -> list[Cost]:
    return [Cost(verdict.value, _(MEANINGS[verdict]), _cost(verdict)) for verdict in MEANINGS]


def _cost(verdict: Verdict) -> str:
    if not rules.costs_quota(verdict, started=True):
        return _("no")
    return _("yes") if rules.costs_quota(verdict, started=False) else _("once it has started")
