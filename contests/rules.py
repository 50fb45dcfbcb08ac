"""The rules of handing in, as pure functions: what is accepted, when, how often, and what costs quota."""

from __future__ import annotations

import datetime
import re
import unicodedata

from runners.verdict import Verdict

MAX_FILENAME = 120
MAX_FILENAME_BYTES = 240  # file systems take 255, and a browser adds its “ (1)”
MAX_SUFFIX = 10
KIND_OF_SUFFIX = {".csv": "predictions", ".py": "script", ".ipynb": "notebook", ".zip": "project"}
# Our fault costs nothing, and neither does a submission that was called back before anything ran. One that has
# started has used a runner and may have shown its log.
FREE_VERDICTS = frozenset({Verdict.INTERNAL_ERROR})
FREE_UNLESS_STARTED = frozenset({Verdict.CANCELLED})


def kind_of(filename: str) -> str | None:
    """The kind of submission a file name stands for, or None."""
    for suffix, kind in KIND_OF_SUFFIX.items():
        if filename.lower().endswith(suffix):
            return kind
    return None


def safe_filename(raw: str) -> str:
    """A name that can be shown and saved anywhere: no path, no control or direction characters, of bounded length."""
    name = raw.replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(c for c in unicodedata.normalize("NFC", name) if unicodedata.category(c)[0] != "C")
    name = re.sub(r"\s+", " ", name).strip(" .")
    stem, dot, suffix = name.rpartition(".")
    if not dot or len(suffix) > MAX_SUFFIX:
        stem, dot, suffix = name, "", ""
    stem = stem[: MAX_FILENAME - len(dot + suffix)]
    while len((stem + dot + suffix).encode()) > MAX_FILENAME_BYTES:
        stem = stem[:-1]
    return stem + dot + suffix or "submission"


def is_open(now: datetime.datetime, starts_at: datetime.datetime, ends_at: datetime.datetime | None) -> bool:
    return starts_at <= now and (ends_at is None or now < ends_at)


def day_start(now: datetime.datetime) -> datetime.datetime:
    """Quotas count from midnight UTC, on the server's clock."""
    return now.astimezone(datetime.UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def costs_quota(verdict: str, *, started: bool, rehearsing: bool = False) -> bool:
    """Whether a submission with this verdict (or none yet) uses up one of the day's submissions.

    One that ended in its rehearsal on public samples has met no hidden data and costs nothing; how many of those a day
    takes is bounded by PODIUM_FREE_REHEARSALS_PER_DAY.
    """
    if verdict and rehearsing:
        return False
    return verdict not in FREE_VERDICTS and (started or verdict not in FREE_UNLESS_STARTED)
