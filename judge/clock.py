"""The time that leases are made and ended by.

Several web processes on several machines share one PostgreSQL: its clock is the one that all of them see, so one whose
own is wrong takes no living run away and promises none for ever. With SQLite there is one machine, and one clock.
"""

from __future__ import annotations

import datetime

from django.db import connection
from django.utils import timezone


def now() -> datetime.datetime:
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")  # not now(): that is when the transaction began
        told: datetime.datetime = cursor.fetchone()[0]
    return told
