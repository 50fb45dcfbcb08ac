"""The table that `manage.py preflight` and every agent print, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence

from runners.sandboxes.preflight import Row, Status


def lines(rows: Sequence[Row]) -> list[str]:
    """One line a row: limit, how it is held, by what, and what to do where that can be better."""
    widths = [
        max((len(text) for text in column), default=0) for column in zip(*map(_cells, rows), strict=True)
    ]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(_cells(row), widths, strict=True)).rstrip()
        for row in rows
    ]


def refusal(rows: Sequence[Row], *, allow_soft: bool) -> str:
    """Why no stranger's code may run here, and what to do, in one line; empty when it may.

    What is watched by sampling can be exceeded for a moment; whether that will do is the operator's to say.
    """
    missing = [row for row in rows if row.status is Status.MISSING]
    if missing:
        return f"the sandbox does not hold here ({missing[0].limit}): {missing[0].advice}"
    soft = [row for row in rows if row.status is Status.SOFT]
    if soft and not allow_soft:
        names = " and ".join(row.limit for row in soft)
        return (
            f"{names} would only be watched here, not enforced: {soft[0].advice}; "
            "or accept that with PODIUM_ALLOW_SOFT_LIMITS=1"
        )
    return ""


def _cells(row: Row) -> tuple[str, str, str, str]:
    return (row.limit, str(row.status), row.enforced_by, row.advice)
