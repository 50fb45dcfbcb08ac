"""What a check found, in the reader's language."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from metrics import check_complaints


def finding(code: str, **params: str | int) -> dict[str, Any]:
    """A finding as it is stored: with an English sentence for whoever does not know its code."""
    return check_complaints.as_json(code, params)


def sentence(found: dict[str, Any]) -> str:
    """One finding or note as a sentence that names file, row and column; English when it is not known here."""
    try:
        words = _(check_complaints.template(found["code"])) % found["params"]
    except (KeyError, TypeError, ValueError):
        return str(found.get("message", ""))
    file = found["params"].get("file")
    return f"{file}: {words}" if file else words
