"""What a notebook's run leaves for its owner: how far it came, and the executed notebook as a page safe to show.

Both files were written beside a stranger's code, which may have forged them. They are information: nothing is decided
by them, no more of them is read than is said here, and nothing is shown of the page that could act on a browser.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

from contests import blobs
from contests.models import Blob, Submission
from judge import inert_html, logs_text
from judge.models import Run
from runners.notebook.bundle import EXECUTED, PAGE, REPORT

MAX_PAGE = 10 << 20  # the driver's own limits keep a page below this
_MAX_REPORT = 8192
_MAX_TEXT = 500
_CELLS = 100_000
_ONE_AT_A_TIME = threading.Lock()  # ten pages of ten megabytes at once would be a web process's memory


def progress_of(uploads: Mapping[str, Blob]) -> dict[str, Any]:
    """What the driver said about how far the notebook came, checked; {} when it said nothing that can be read.

    {"cells": 12, "done": 3, "failed": {"cell": 4, "line": "fit()", "name": "ValueError", "message": "…"}};
    "running" instead of "failed" is the cell that a limit or a crash ended.
    """
    blob = uploads.get(REPORT)
    if blob is None or blob.size > _MAX_REPORT:
        return {}
    try:
        raw = json.loads(blobs.head(blob, _MAX_REPORT))
        told: dict[str, Any] = {"cells": _count(raw["cells"]), "done": _count(raw["done"])}
        for how in ("failed", "running"):
            if how in raw:
                told[how] = _cell(raw[how])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
    return told


def _cell(raw: dict[str, Any]) -> dict[str, Any]:
    texts = {name: _text(raw.get(name, "")) for name in ("line", "name", "message")}
    return {"cell": _count(raw["cell"]), **texts}


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _CELLS:
        raise ValueError("no number of cells")
    return value


def _text(value: object) -> str:
    """Short, and free of what no database keeps or a browser would act on."""
    if not isinstance(value, str):
        raise TypeError("no text")
    return logs_text.inert(value[:_MAX_TEXT].encode("utf-8", "replace"))


def shown(submission: Submission, run: Run | None) -> dict[str, Any] | None:
    """What the submission's page says about the executed notebook; None for all else that is handed in."""
    if run is None or submission.kind != Submission.Kind.NOTEBOOK:
        return None
    files = {file.name: file.blob for file in run.files.all()}
    page = files.get(PAGE)
    return {
        "page": page is not None and page.size <= MAX_PAGE,
        "too_large": page is not None and page.size > MAX_PAGE,
        "downloads": [name for name in (EXECUTED, PAGE) if name in files],
    }


def page_of(run: Run | None) -> Blob | None:
    """The executed notebook's page where it can be shown."""
    kept = None if run is None else run.files.filter(name=PAGE).select_related("blob").first()
    return kept.blob if kept is not None and kept.blob.size <= MAX_PAGE else None


def inert_page(blob: Blob) -> str:
    """The body of the page as HTML in which nothing runs or loads. Raises inert_html.TooIntricate."""
    if blob.size > MAX_PAGE:
        raise inert_html.TooIntricate
    with _ONE_AT_A_TIME:
        return inert_html.clean(blobs.head(blob, MAX_PAGE).decode("utf-8", "replace"))
