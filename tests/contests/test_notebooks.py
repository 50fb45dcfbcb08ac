"""What is taken as a notebook, and the sentence that every other file gets."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest

from contests import notebooks


def _file(*cells: Any, **changes: Any) -> bytes:
    code: dict[str, Any] = {
        "cell_type": "code",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": "x = 1",
    }
    raw = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells) or [code]} | changes
    return json.dumps({key: value for key, value in raw.items() if value is not None}).encode()


def _cell(**changes: Any) -> dict[str, Any]:
    cell = {"cell_type": "code", "metadata": {}, "source": ["x = 1\n", "y = 2"], "outputs": []} | changes
    return {key: value for key, value in cell.items() if value is not None}


def _refusal(content: bytes) -> str:
    with pytest.raises(notebooks.NotANotebook) as refused:
        notebooks.check(content)
    return str(refused.value)


@pytest.mark.parametrize(
    "content",
    [
        _file(),
        _file(metadata=None),
        _file(metadata={"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}),
        _file(metadata={"kernelspec": {"name": "conda-env-ml-py"}, "language_info": {"name": "python"}}),
        _file(metadata={"kernelspec": {"name": "irene"}}),
        _file(metadata={"kernelspec": "odd", "language_info": 5}),
        _file(metadata={"kernelspec": {"language": "Python 3"}}),
        _file(nbformat_minor=0),
        _file(_cell(cell_type="markdown"), _cell(source="x = '\U0001f600'"), _cell(cell_type="raw")),
        b"\xef\xbb\xbf" + _file(),
        b"\n\n  " + _file(),
    ],
    ids=[
        "the least",
        "no metadata and so no kernel",
        "python3",
        "conda",
        "a kernel with a name of its own",
        "odd metadata",
        "a language with a number",
        "format 4.0",
        "all types of cells",
        "a byte order mark",
        "blank lines before",
    ],
)
def test_a_notebook_in_python_is_taken(content: bytes) -> None:
    notebooks.check(content)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"print('hello')\n", "it is not JSON"),
        (b"[1, 2]", "it is not JSON"),
        (b"id,target\n1,2\n", "it is not JSON"),
        (b"\x89PNG\r\n\x1a\n", "it is not JSON"),
        (b"PK\x03\x04rest", "ZIP"),
        (_file().decode().encode("utf-16"), "UTF-16"),
        (b'{"cells": [', "line 1, column 12"),
        (b'{"nbformat": 4,\n "cells": [,]}', "line 2, column 12"),
        (b'{"nbformat": 4, "x": "\xff\xfe"}', "not valid JSON"),
        (b'{"nbformat": 4, "x": "a\x00b"}', "not valid JSON"),
        (b'{"nbformat": 4, "nbformat": 4}', "not valid JSON"),
        (b'{"nbformat": NaN}', "not valid JSON"),
        (b'{"nbformat": -Infinity}', "not valid JSON"),
        (b'{"nbformat": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "not valid JSON"),
        (b"{}", "does not say its nbformat"),
        (b'{"nbformat": "4"}', "does not say its nbformat"),
        (b'{"nbformat": true}', "does not say its nbformat"),
        (b'{"nbformat": 4.5}', "does not say its nbformat"),
        (b'{"nbformat": 1, "worksheets": []}', "old format 1"),
        (b'{"nbformat": 3, "worksheets": [{"cells": []}]}', "old format 3"),
        (b'{"nbformat": -7}', "old format 0"),
        (_file(nbformat=5), "newer format"),
        (_file(cells=None), "no list of cells"),
        (_file(cells={}), "no list of cells"),
        (_file(metadata=[]), "damaged"),
        (_file(_cell(source=None)), "Cell 1"),
        (_file(_cell(), _cell(source=[1, 2])), "Cell 2"),
        (_file(_cell(), 5), "Cell 2"),
        (_file(_cell(cell_type="heading")), "Cell 1"),
        (_file(_cell(cell_type=[])), "Cell 1"),
        (_file(_cell(source="x = '\ud800'")), "Cell 1"),
        (_file(_cell(source="x = '\x00'")), "Cell 1"),
        (_file(_cell(cell_type="markdown")), "no code"),
        (_file(_cell(source=" \n")), "no code"),
        (_file(metadata={"kernelspec": {"name": "ir", "language": "R"}}), "written in R"),
        (_file(metadata={"kernelspec": {"name": "ir"}}), "written in ir"),
        (_file(metadata={"language_info": {"name": "\u202e\ud800R\n\x1b"}}), "written in R. Podium"),
        (_file(metadata={"language_info": {"name": "\ud800"}}), "written in ?. Podium"),
        (_file(metadata={"language_info": {"name": "julia"}}), "written in julia"),
        (_file(metadata={"kernelspec": {"name": "julia-1.10"}}), "written in julia-1.10"),
        (b'{"nbformat":4,"cells":[' + b"[]," * 300_000 + b"[]]}", "Clear its outputs"),
    ],
)
def test_anything_else_is_refused_with_a_sentence(content: bytes, words: str) -> None:
    assert words in _refusal(content)


@pytest.mark.parametrize("filler", ["a" * (5 << 20), "[" + "[]," * 60_000 + "[]]", "\U0001f600" * (1 << 20)])
def test_a_check_takes_little_memory(filler: str) -> None:
    """The worst of what the limits let in; the web process stays flat."""
    content = f'{{"nbformat":4,"cells":[{{"outputs":"{filler}"}}'.encode()[: notebooks.MAX_BYTES]
    tracemalloc.start()
    try:
        _refusal(content)
        assert tracemalloc.get_traced_memory()[1] < 50 << 20
    finally:
        tracemalloc.stop()


def test_the_code_of_a_notebook_can_be_shown() -> None:
    content = _file(
        _cell(cell_type="markdown", source="# Title"), _cell(), _cell(source=""), _cell(source="z")
    )
    assert notebooks.code_cells(content) == ["x = 1\ny = 2", "z"]


@pytest.mark.parametrize(
    "content", [b"print()", _file()[:-10], b'{"nbformat":4}', b'{"cells":[5]}', b'{"cells":5}']
)
def test_what_is_no_whole_notebook_shows_no_cells(content: bytes) -> None:
    assert notebooks.code_cells(content) is None
