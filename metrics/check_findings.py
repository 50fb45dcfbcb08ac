"""Collecting what a check finds: all of it is counted, a bounded part is listed."""

from __future__ import annotations

import json
from typing import Any

from metrics import check_complaints
from metrics.complaints import Complaints

MAX_FINDINGS = 300
MAX_NOTES = 30
MAX_BYTES = 160 * 1024  # of the list; the whole result must stay below runners.spec.RESULT_MAX_BYTES
PER_CODE, PER_FILE = 50, 150  # listed of a file: an organiser mends more than a contestant at once


def complaints() -> Complaints:
    """Where the mistakes of one file are collected."""
    return Complaints(per_code=PER_CODE, most=PER_FILE)


class Findings:
    """Mistakes, which keep a contest from being published, and notes, which do not."""

    def __init__(self) -> None:
        self._listed: list[dict[str, Any]] = []
        self._notes: list[dict[str, Any]] = []
        self._count = 0
        self.rows: dict[str, int] = {}  # by usage; empty while the solution cannot be counted

    def add(self, code: str, **params: str | int) -> None:
        self._listed.append(check_complaints.as_json(code, params))
        self._count += 1

    def take(self, file: str, complaints: Complaints) -> None:
        """The complaints about a file; those beyond its list are counted."""
        for complaint in complaints.listed:
            self._listed.append(check_complaints.as_json(complaint.code, complaint.params | {"file": file}))
        self._count += complaints.count

    def note(self, code: str, **params: str | int) -> None:
        if len(self._notes) < MAX_NOTES:
            self._notes.append(check_complaints.as_json(code, params))

    def as_json(self) -> dict[str, Any]:
        listed, size = [], 0
        for finding in self._listed[:MAX_FINDINGS]:
            size += len(json.dumps(finding))
            if size > MAX_BYTES:
                break
            listed.append(finding)
        if self._count > len(listed):
            listed = [*listed, check_complaints.as_json("more", {"count": self._count - len(listed)})]
        return {"findings": listed, "notes": self._notes, "rows": self.rows}
