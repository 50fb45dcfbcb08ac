"""Who did what by hand that others feel: in the site's log, and in the row's history in the administration."""

from __future__ import annotations

import structlog
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import Model

from accounts.models import User

log = structlog.get_logger(__name__)


def note(by: User | None, row: Model, what: str) -> None:
    """`by` is None for who has a shell on the site: of them only the log can tell."""
    name = "" if by is None else by.username
    subject = f"{type(row).__name__.lower()} {row.pk}"
    log.info("by hand", by=name or "manage.py", what=what, subject=subject)
    if by is not None:
        LogEntry.objects.log_actions(by.pk, [row], CHANGE, change_message=what, single_object=True)
