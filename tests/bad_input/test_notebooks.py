"""Notebooks that are none, old, foreign or swollen: refused at upload with what to do, or stripped and run."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from tests.bad_input.site import (
    MIB,
    Reader,
    in_chinese,
    is_counted_once,
    is_judged_as_ever,
    kept,
    nothing_new_is_kept,
    open_cells,
    text_of,
)
from tests.faults.leftovers import nothing_is_left
from tests.stack import PERFECT, Stack

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300), pytest.mark.once]


CODE = PERFECT.decode()


def cell(source: Any = CODE, **changes: Any) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "metadata": {},
        "execution_count": 1,
        "outputs": [],
        "source": source,
    } | changes


def notebook(*cells: Any, **changes: Any) -> bytes:
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    whole = {
        "cells": list(cells) or [cell()],
        "metadata": kernel,
        "nbformat": 4,
        "nbformat_minor": 5,
    } | changes
    return json.dumps(whole).encode()


def printed(megabytes: float) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": "OLD OUTPUT " + "x" * int(megabytes * MIB)}


def of_format(version: int) -> bytes:
    sheet = {"cells": [{"cell_type": "code", "language": "python", "input": "1", "outputs": []}]}
    return json.dumps({"worksheets": [sheet], "metadata": {"name": ""}, "nbformat": version}).encode()


OLD = "This notebook has the old format %(version)s. Open it in a current Jupyter, save it, and hand it in again."
NO_JSON = "This is not a notebook: it is not JSON. Hand in the .ipynb file as Jupyter saves it; a script ends in .py."
AT = (
    "This notebook is damaged: it is not valid JSON at line %(line)s, column %(column)s. "
    "Save it again in Jupyter."
)
DAMAGED = "This notebook is damaged: it is not valid JSON. Save it again in Jupyter."
NO_FORMAT = "This is JSON, but not a notebook: it does not say its nbformat."
NEWER = "This notebook has a newer format than 4, which Podium cannot run. Save it as format 4."
LANGUAGE = "This notebook is written in %(language)s. Podium runs notebooks in Python."
KIND = "This is not a notebook: its format seems to be %(kind)s. Hand in the .ipynb file itself."
UTF16 = "This notebook is encoded as UTF-16. Save it as UTF-8 and hand it in again."
NO_CODE = "This notebook has no code: add a cell that writes submission.csv."
NO_LIST = "This notebook is damaged: it has no list of cells. Save it again in Jupyter."
NO_TYPE = "Cell %(number)s of this notebook is damaged: it has no known type."
NO_TEXT = "Cell %(number)s of this notebook is damaged: it has no text."
ODD_TEXT = "Cell %(number)s of this notebook holds characters that no program can have."
LARGE = (
    "This notebook is too large. Clear its outputs (in Jupyter: Edit, Clear Outputs of All Cells), save it, "
    "and hand it in again."
)
EMPTY = "The file is empty."

REFUSED: dict[str, tuple[bytes, str, dict[str, Any]]] = {
    "text": (b"just some words\n", NO_JSON, {}),
    "a script": (PERFECT, NO_JSON, {}),
    "predictions": (b"id,target\n1,0\n", NO_JSON, {}),
    "a web page": (b"<!DOCTYPE html><html></html>", NO_JSON, {}),
    "a list": (b"[" + notebook() + b"]", NO_JSON, {}),
    "nothing": (b"", EMPTY, {}),
    "gzip": (gzip.compress(notebook(), mtime=0), KIND, {"kind": "gzip"}),
    "a PDF": (b"%PDF-1.7\n", KIND, {"kind": "PDF"}),
    "UTF-16": (notebook().decode().encode("utf-16"), UTF16, {}),
    "cut off": (notebook()[:60], AT, {}),
    "a comma too many": (b'{"cells": [],\n "nbformat": 4,}', AT, {"line": 2, "column": 16}),
    "Python, not JSON": (b"{'cells': [], 'nbformat': 4}", AT, {"line": 1, "column": 2}),
    "after a merge": (b"<<<<<<< HEAD\n" + notebook(), NO_JSON, {}),
    "not UTF-8": (notebook().replace(b"rows", b"r\xff\xfe"), DAMAGED, {}),
    "a number that is none": (notebook(cell(), odd=float("nan")), DAMAGED, {}),
    "brackets without end": (b'{"cells":' + b"[" * 100_000, DAMAGED, {}),
    "a hundred thousand objects": (b'{"cells":[' + b'{"a":{}},' * 100_000 + b"{}]}", LARGE, {}),
    "the same key twice": (
        notebook().replace(b'"nbformat": 4', b'"nbformat": 4, "nbformat": 4'),
        DAMAGED,
        {},
    ),
    "nbformat 1": (of_format(1), OLD, {"version": 1}),
    "nbformat 2": (of_format(2), OLD, {"version": 2}),
    "nbformat 3": (of_format(3), OLD, {"version": 3}),
    "nbformat 5": (notebook(nbformat=5), NEWER, {}),
    "nbformat in words": (notebook(nbformat="four"), NO_FORMAT, {}),
    "other JSON": (b'{"name": "package", "version": "1.0.0"}', NO_FORMAT, {}),
    "a kernel of R": (
        notebook(metadata={"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}),
        LANGUAGE,
        {"language": "R"},
    ),
    "half a character as language": (
        notebook(metadata={"kernelspec": {"name": "x", "language": "R\ud800\u202e\n"}}),
        LANGUAGE,
        {"language": "R"},
    ),
    "no list of cells": (notebook(cells={"0": cell()}), NO_LIST, {}),
    "no cells": (notebook(cells=[]), NO_CODE, {}),
    "only words": (notebook(cell("# Title", cell_type="markdown"), cell("  \n")), NO_CODE, {}),
    "a cell that is none": (notebook(cell(), "x = 1"), NO_TYPE, {"number": 2}),
    "a cell without text": (notebook(cell(None)), NO_TEXT, {"number": 1}),
    "a cell of numbers": (notebook(cell([1, 2])), NO_TEXT, {"number": 1}),
    "NUL in a cell": (notebook(cell("x = 1\x00")), ODD_TEXT, {"number": 1}),
    "half a character in a cell": (notebook(cell("x = '\ud800'")), ODD_TEXT, {"number": 1}),
}
SENTENCES = sorted({sentence for _content, sentence, _params in REFUSED.values()})


@pytest.fixture(scope="module")
def cells(site: Stack) -> Stack:
    open_cells(site)
    return site


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_notebook_is_refused_with_what_to_do(cells: Stack, name: str) -> None:
    content, sentence, params = REFUSED[name]
    before = kept(cells)
    refused = cells.post(content, contest="cells", filename="solution.ipynb")
    assert refused.status_code == 400, refused.text
    said = refused.json()["detail"]
    assert said == sentence % params if params else said.startswith(sentence.partition("%")[0])
    nothing_new_is_kept(cells, before)


@pytest.mark.parametrize("sentence", [*SENTENCES, LARGE])
def test_what_to_do_is_said_in_chinese_too(sentence: str) -> None:
    assert in_chinese(sentence)


RENAMED = "This is a notebook. Give it a name that ends in .ipynb and hand it in again."


def test_a_notebook_named_as_a_script_is_told_its_ending(cells: Stack) -> None:
    before = kept(cells)
    refused = cells.post(notebook(), contest="cells", filename="main.py")
    assert (refused.status_code, refused.json()["detail"]) == (400, RENAMED)
    assert in_chinese(RENAMED)
    nothing_new_is_kept(cells, before)


def test_ninety_megabytes_of_outputs_are_refused_by_asking_to_clear_them(cells: Stack) -> None:
    before = kept(cells)
    content = notebook(cell(outputs=[printed(90)]))
    refused = cells.post(content, contest="cells", filename="swollen.ipynb")
    assert (refused.status_code, refused.json()["detail"]) == (413, LARGE)
    nothing_new_is_kept(cells, before)


def test_two_hundred_megabytes_of_outputs_are_cut_off_while_they_stream_in(cells: Stack) -> None:
    before = kept(cells)
    content = notebook(cell(outputs=[printed(200)]))
    refused = cells.post(content, contest="cells", filename="swollen.ipynb")
    assert refused.status_code == 413
    assert "larger than the limit of 100 MB. Nothing was kept." in refused.json()["detail"]
    assert "clear its outputs" in refused.json()["detail"]
    nothing_new_is_kept(cells, before)


ACCEPTED = {
    "no kernel": notebook(metadata={}),
    "no metadata": notebook(metadata=None),
    "an unknown kernel": notebook(metadata={"kernelspec": {"name": "my-conda", "display_name": "mine"}}),
    "a mark": b"\xef\xbb\xbf" + notebook(),
    "lines of source": notebook(cell(PERFECT.decode().splitlines(keepends=True))),
    "four megabytes of outputs": notebook(cell(outputs=[printed(4)])),
    "outputs that are none": notebook(
        cell(outputs=[{"output_type": "evil", "data": {"text/html": ["<script>"]}}])
    ),
    "outputs as a number": notebook(cell(outputs=7, execution_count="x")),
    "no outputs at all": notebook({"cell_type": "code", "source": PERFECT.decode()}),
}


@pytest.fixture(scope="module")
def handed(cells: Stack) -> dict[str, str]:
    return {
        name: cells.submit(content, contest="cells", filename="solution.ipynb")
        for name, content in ACCEPTED.items()
    }


@pytest.mark.parametrize("name", ACCEPTED)
def test_an_unusual_notebook_is_run_without_what_it_showed(
    cells: Stack, reader: Reader, handed: dict[str, str], name: str
) -> None:
    judged = cells.wait_verdict(handed[name])
    assert (judged["verdict"], judged["public_score"]) == ("SCORED", 1.0), judged
    executed = reader.http.get(f"/submissions/{handed[name]}/files/notebook.ipynb").text
    assert "OLD OUTPUT" not in executed
    assert "written" in executed
    is_counted_once(cells, handed[name])


def test_the_page_says_what_is_wrong_beside_the_field(cells: Stack, reader: Reader) -> None:
    address = f"{cells.url}/contests/cells/submit/"
    form = {"csrfmiddlewaretoken": reader.csrf("/contests/cells/submit/")}
    answer = reader.http.post(
        address, data=form, files={"file": ("old.ipynb", of_format(1))}, headers={"Referer": address}
    )
    assert answer.status_code == 400
    assert OLD % {"version": 1} in text_of(answer.text)


def test_after_all_those_notebooks_nothing_is_left_and_the_next_is_judged_as_ever(cells: Stack) -> None:
    nothing_is_left(cells)
    is_judged_as_ever(cells)
