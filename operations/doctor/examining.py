"""All examinations, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import structlog

from contests.stores import StoreAway
from operations.doctor import judging, keeping
from operations.doctor.finding import Examination, Finding

log = structlog.get_logger(__name__)
# By the name that a person reads while it runs. What is mended earlier is not found again later.
EXAMINATIONS: dict[str, Examination] = {
    "migrations": keeping.migrations,
    "readiness": keeping.space,
    "jobs whose host fell silent": judging.overdue_jobs,
    "jobs of ended runs": judging.jobs_of_ended_runs,
    "runs without a job": judging.stuck_runs,
    "checks": judging.stuck_checks,
    "summaries": judging.wrong_summaries,
    "scores": keeping.uncounted_scores,
    "boards": keeping.board_drift,
    "pools": judging.waiting_jobs,
    "held queues": judging.held_queues,
    "unfinished uploads": keeping.cut_short,
    "uploads of ended attempts": keeping.expired_uploads,
    "sessions": keeping.sessions,
    "files that rows name": keeping.rows_without_file,
    "files that nothing names": keeping.files_without_row,
}
DEEP: dict[str, Examination] = {"bytes of every file": keeping.damaged_files}


def examine(*, deep: bool, say: Callable[[str], None]) -> Iterator[Finding]:
    """All findings, as they are found. A database without our tables is told of by the first, and then no more."""
    for name, look in (EXAMINATIONS | (DEEP if deep else {})).items():
        say(f"looking at {name}")
        try:
            found = list(look())
        except StoreAway as away:
            advice = "See /readyz in docs/operate.md, and look again when the store answers."
            found = [Finding("not_ready", "store of files", f"{name}: {away}", advice)]
        yield from found
        if name == "migrations" and found:
            return


def repair(finding: Finding) -> bool:
    """Mend one finding. False when it cannot be mended, or resisted: then the log says why."""
    if finding.repair is None:
        return False
    try:
        finding.repair()
    except Exception:
        log.exception("not mended", code=finding.code, subject=finding.subject)
        return False
    log.info("mended", code=finding.code, subject=finding.subject, what=finding.what)
    return True
