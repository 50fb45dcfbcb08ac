"""From the uploaded file to a fresh notebook: sources and tags, and not one output of the upload."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nbformat import v4

_LINE = 100  # characters of a cell's first line that are told


class Unreadable(Exception):
    """The file is no notebook that could be run. The site refuses such a file when it is handed in."""


def read(path: Path) -> Any:
    """A notebook of format 4 with the cells of the file at `path`. Raises Unreadable."""
    try:
        raw = json.loads(path.read_bytes().decode("utf-8-sig"))
        cells = [_fresh(cell) for cell in raw["cells"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error
    return v4.new_notebook(
        cells=cells,
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )


def _fresh(cell: dict[str, Any]) -> Any:
    source = cell["source"]
    text = source if isinstance(source, str) else "".join(source)
    metadata = _tags(cell.get("metadata"))
    if cell["cell_type"] == "code":
        return v4.new_code_cell(text, metadata=metadata)
    if cell["cell_type"] == "markdown":
        return v4.new_markdown_cell(text, metadata=metadata, **_attachments(cell.get("attachments")))
    return v4.new_raw_cell(text, metadata=metadata)


def _attachments(found: object) -> dict[str, Any]:
    """The pictures a text shows: {name: {media type: base64}}. Whatever has another form is left out."""
    if not isinstance(found, dict):
        return {}
    kept = {
        name: {kind: data for kind, data in forms.items() if isinstance(data, str)}
        for name, forms in found.items()
        if isinstance(forms, dict)
    }
    return {"attachments": kept} if kept else {}


def _tags(metadata: object) -> dict[str, list[str]]:
    """All that is kept of a cell's metadata: nbclient heeds the tag raises-exception."""
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return {"tags": [tag for tag in tags if isinstance(tag, str)]} if isinstance(tags, list) else {}


def is_run(cell: Any) -> bool:
    return cell.cell_type == "code" and bool(cell.source.strip())


def first_line(cell: Any) -> str:
    """The first line that says something, for people to recognise the cell by."""
    lines = [line.strip() for line in cell.source.splitlines()]
    line = next((line for line in lines if line), "")
    return line if len(line) <= _LINE else line[: _LINE - 1] + "…"
