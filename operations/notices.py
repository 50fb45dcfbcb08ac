"""Telling everybody of maintenance or an incident, and closing the doors meanwhile."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from operations.kept import Kept
from operations.models import Notice

SHOWN_AFTERWARDS = 10
KEPT_S = 2.0


def _shown() -> Notice | None:
    return Notice.objects.filter(current=True).first()


KEPT = Kept(_shown)  # pages ask for it each time, and it changes a few times a year


def current(*, kept_s: float | None = None) -> Notice | None:
    """What is to be shown, at most so old."""
    return KEPT.get(KEPT_S if kept_s is None else kept_s)


def forget() -> None:
    """Look again at the next question: this process has just changed something."""
    KEPT.forget()


def past() -> list[Notice]:
    """The last ones that are over."""
    return list(Notice.objects.filter(current=False)[:SHOWN_AFTERWARDS])


@transaction.atomic
def announce(message: str, *, message_zh: str = "", read_only: bool = False) -> Notice:
    """Show this from now on, in place of what is shown."""
    end()
    notice = Notice.objects.create(message=message, message_zh=message_zh, read_only=read_only)
    forget()
    return notice


def end() -> bool:
    """Open the doors and take the banner down. Whether there was one."""
    ended = Notice.objects.filter(current=True).update(current=False, ended_at=timezone.now())
    forget()
    return ended > 0
