"""What an uploaded notebook must be, as one pure look at its bytes; and its code cells, to show them.

The whole file is read, so it is bounded: MAX_BYTES, and MAX_PARTS values, because a small file of nothing but brackets
would otherwise take a hundred times its size in memory; measured, a check takes at most 45 MB, and one runs at a time.
A larger notebook holds outputs, which are thrown away before it runs: its owner is asked to clear them.
"""

from __future__ import annotations

import json
import re
import threading
from typing import Any, NoReturn

from django.utils.translation import gettext as _

from metrics.csv_records import KNOWN_KINDS, UTF16_BOMS

MAX_BYTES = 5 << 20
MAX_PARTS = 200_000  # commas, colons and opening brackets, also those inside of texts
FORMAT = 4
_CELL_TYPES = ("code", "markdown", "raw")
_PYTHON = re.compile(r"i?python[\d. ]*|", re.IGNORECASE)
# Kernels whose notebooks often name no language. Any other name may be somebody's name for a Python.
_OTHER_KERNELS = re.compile(
    r"(?:ir|xr|julia|irust|evcxr|bash|calysto|scala|almond|java|javascript|deno|octave|sas|stata|gophernotes|sos|matlab|ruby|iruby|xcpp)"
    r"(?:kernel)?(?:[-_.\d].*)?",
    re.IGNORECASE,
)
_PREVIEW_CELLS = 40
_ONE_AT_A_TIME = threading.Lock()


class NotANotebook(Exception):
    """Why these bytes cannot be run as a notebook, in a sentence that says what to do."""


def check(content: bytes) -> None:
    """Raises NotANotebook."""
    with _ONE_AT_A_TIME:
        _check(content)


def _check(content: bytes) -> None:
    raw = _object(content)
    _check_format(raw)
    _check_language(raw.get("metadata"))
    cells = raw.get("cells")
    if not isinstance(cells, list):
        raise NotANotebook(_("This notebook is damaged: it has no list of cells. Save it again in Jupyter."))
    sources = [_code_of(number, cell) for number, cell in enumerate(cells, start=1)]
    if not any(source.strip() for source in sources):
        raise NotANotebook(_("This notebook has no code: add a cell that writes submission.csv."))


def code_cells(head: bytes, *, most: int | None = _PREVIEW_CELLS) -> list[str] | None:
    """The sources of a notebook's code cells, the first of them; None when `head` is no whole notebook."""
    try:
        raw = _object(head)
        sources = [_code_of(number, cell) for number, cell in enumerate(raw["cells"], start=1)]
    except (NotANotebook, KeyError, TypeError):
        return None
    return [source for source in sources if source.strip()][:most]


def _object(content: bytes) -> dict[str, Any]:
    if content.startswith(UTF16_BOMS):
        raise NotANotebook(_("This notebook is encoded as UTF-16. Save it as UTF-8 and hand it in again."))
    for magic, kind in KNOWN_KINDS:
        if content.startswith(magic):
            raise NotANotebook(
                _("This is not a notebook: its format seems to be %(kind)s. Hand in the .ipynb file itself.")
                % {"kind": kind}
            )
    if not content.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n").startswith(b"{"):
        raise NotANotebook(
            _(
                "This is not a notebook: it is not JSON. Hand in the .ipynb file as Jupyter saves it; "
                "a script ends in .py."
            )
        )
    if sum(map(content.count, (b",", b":", b"[", b"{"))) > MAX_PARTS:
        raise too_large()
    try:
        raw = json.loads(
            content.decode("utf-8-sig"), object_pairs_hook=_without_twins, parse_constant=_no_constant
        )
    except json.JSONDecodeError as error:
        place = {"line": error.lineno, "column": error.colno}
        raise NotANotebook(
            _(
                "This notebook is damaged: it is not valid JSON at line %(line)s, column %(column)s. "
                "Save it again in Jupyter."
            )
            % place
        ) from error
    except (ValueError, RecursionError) as error:  # not UTF-8, a number of 5,000 digits, brackets without end
        raise _damaged() from error
    return raw  # type: ignore[no-any-return]  # it begins with a brace


def too_large() -> NotANotebook:
    return NotANotebook(
        _(
            "This notebook is too large. Clear its outputs (in Jupyter: Edit, Clear Outputs of All Cells), save it, "
            "and hand it in again."
        )
    )


def _damaged() -> NotANotebook:
    return NotANotebook(_("This notebook is damaged: it is not valid JSON. Save it again in Jupyter."))


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _check_format(raw: dict[str, Any]) -> None:
    version = raw.get("nbformat")
    if not isinstance(version, int) or isinstance(version, bool):
        raise NotANotebook(_("This is JSON, but not a notebook: it does not say its nbformat."))
    if version < FORMAT:
        raise NotANotebook(
            _(
                "This notebook has the old format %(version)s. Open it in a current Jupyter, save it, "
                "and hand it in again."
            )
            % {"version": max(version, 0)}
        )
    if version > FORMAT:
        raise NotANotebook(
            _("This notebook has a newer format than 4, which Podium cannot run. Save it as format 4.")
        )


def _check_language(metadata: object) -> None:
    """No kernel at all is taken for Python; another language is refused, by its name."""
    if metadata is None:
        return
    if not isinstance(metadata, dict):
        raise _damaged()
    kernel, info = _mapping(metadata, "kernelspec"), _mapping(metadata, "language_info")
    language = str(kernel.get("language") or info.get("name") or "")
    name = str(kernel.get("name") or "")
    if not _PYTHON.fullmatch(language) or (not language and _OTHER_KERNELS.fullmatch(name)):
        raise NotANotebook(
            _("This notebook is written in %(language)s. Podium runs notebooks in Python.")
            % {"language": _shown(language or name)}
        )


def _shown(name: str) -> str:
    """Without what no answer can hold (half a character) or what would turn the sentence around it."""
    return "".join(character for character in name[:40] if character.isprintable()).strip() or "?"


def _mapping(metadata: dict[str, Any], name: str) -> dict[str, Any]:
    found = metadata.get(name, {})
    return found if isinstance(found, dict) else {}


def _code_of(number: int, cell: object) -> str:
    """A cell's source, checked; "" for a cell that is not run."""
    if not isinstance(cell, dict) or cell.get("cell_type") not in _CELL_TYPES:
        raise NotANotebook(
            _("Cell %(number)s of this notebook is damaged: it has no known type.") % {"number": number}
        )
    source = cell.get("source")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise NotANotebook(
            _("Cell %(number)s of this notebook is damaged: it has no text.") % {"number": number}
        )
    if "\x00" in source or not _encodes(source):
        raise NotANotebook(
            _("Cell %(number)s of this notebook holds characters that no program can have.")
            % {"number": number}
        )
    return source if cell["cell_type"] == "code" else ""


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
