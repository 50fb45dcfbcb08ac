"""Files that are not what their name says: refused at upload, by what they are, before anything runs."""

from __future__ import annotations

import gzip
import io
import json
import zipfile

import pytest

from contests.models import TaskVersion
from judge import first_look
from tests.bad_input.site import in_chinese, is_judged_as_ever, kept, nothing_new_is_kept, reader_of, text_of
from tests.stack import PERFECT, Stack

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]


def zipped(name: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(name, PERFECT)
    return content.getvalue()


def notebook() -> bytes:
    cell: dict[str, object] = {"cell_type": "code", "metadata": {}, "source": ["1"], "outputs": []}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


BINARY = "This is not a Python script: it holds binary data."
FORMAT = "This is not a Python script: its format seems to be %(kind)s. Hand in the .py file itself."
UTF16 = "This script is encoded as UTF-16. Save it as UTF-8 and hand it in again."
SCRIPTS_ONLY = (
    "This is a notebook, and this task takes scripts. Export it from Jupyter as an executable script (.py)."
)
PREDICTIONS = "This is a file of predictions. Give it a name that ends in .csv and hand it in again."
ENDINGS = "This task takes files that end in: %(endings)s"
NO_PROJECTS = "This task takes no projects (.zip). It takes files that end in: %(endings)s"
ENDING = {"endings": ".csv, .py"}

REFUSED: dict[str, tuple[str, bytes, str, dict[str, str]]] = {
    "a model": ("model.pkl", b"\x80\x04x", ENDINGS, ENDING),
    "a spreadsheet": ("predictions.xlsx", zipped("xl/workbook.xml"), ENDINGS, ENDING),
    "an archive": ("main.py.zip", zipped("main.py"), NO_PROJECTS, ENDING),
    "no ending": ("Makefile", b"all:", ENDINGS, ENDING),
    "compiled Python": ("main.pyc", b"\xa7\r\r\n", ENDINGS, ENDING),
    "a zip named .py": ("main.py", zipped("main.py"), FORMAT, {"kind": "ZIP or Excel"}),
    "gzip named .py": ("main.py", gzip.compress(PERFECT), FORMAT, {"kind": "gzip"}),
    "a PDF named .py": ("paper.py", b"%PDF-1.7\n%text", FORMAT, {"kind": "PDF"}),
    "a program named .py": ("tool.py", b"\x7fELF\x02\x01\x01\x00", BINARY, {}),
    "compiled Python named .py": ("main.py", b"\xa7\r\r\n\x00\x00\x00\x00", BINARY, {}),
    "a picture named .py": ("plot.py", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", BINARY, {}),
    "NUL in the first piece": ("main.py", b"print(1)\n\x00", BINARY, {}),
    "NUL in a later piece": ("main.py", b"#" * 200_000 + b"\x00", BINARY, {}),
    "UTF-16": ("main.py", "print(1)\n".encode("utf-16"), UTF16, {}),
    "UTF-16 without a mark": ("main.py", "print(1)\n".encode("utf-16-le"), BINARY, {}),
    "a notebook named .py": ("main.py", notebook(), SCRIPTS_ONLY, {}),
    "an indented notebook named .py": (
        "main.py",
        json.dumps(json.loads(notebook()), indent=1).encode(),
        SCRIPTS_ONLY,
        {},
    ),
    "predictions named .py": ("predictions.py", b"id,target\r\n1,0\r\n", PREDICTIONS, {}),
    "predictions with a mark named .py": ("predictions.py", b"\xef\xbb\xbftarget,id\n1,0\n", PREDICTIONS, {}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_of_another_kind_is_refused_by_what_it_is(site: Stack, name: str) -> None:
    filename, content, sentence, params = REFUSED[name]
    before = kept(site)
    refused = site.post(content, contest="exact", filename=filename)
    assert (refused.status_code, refused.json()["detail"]) == (400, sentence % params)
    nothing_new_is_kept(site, before)


@pytest.mark.parametrize("sentence", [BINARY, FORMAT, UTF16, SCRIPTS_ONLY, PREDICTIONS, ENDINGS, NO_PROJECTS])
def test_what_a_file_is_is_said_in_chinese_too(sentence: str) -> None:
    assert in_chinese(sentence)


def test_the_page_says_it_beside_the_field(site: Stack) -> None:
    reader = reader_of(site)
    before = kept(site)
    form = {"csrfmiddlewaretoken": reader.csrf("/contests/exact/submit/")}
    address = f"{site.url}/contests/exact/submit/"
    answer = reader.http.post(
        address, data=form, files={"file": ("main.py", notebook())}, headers={"Referer": address}
    )
    assert answer.status_code == 400
    assert SCRIPTS_ONLY in text_of(answer.text)
    nothing_new_is_kept(site, before)


@pytest.mark.parametrize(
    "content",
    [
        b"{'a': 1}\n",
        b"id, target\n",
        b"\xef\xbb\xbf# with a mark\n",
        "# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1"),
        b"# -*- coding: gbk -*-\nx = '\xca\xfd'\n",
        b"\x0c\nx = 1\n",
        b"print(1)\r\rprint(2)\r",
    ],
    ids=["a dict", "a tuple", "BOM", "latin-1", "GBK", "form feed", "old Mac"],
)
def test_whatever_may_be_python_is_left_to_python(content: bytes) -> None:
    version = TaskVersion(id_column="id", target_columns=["target"], kinds=["script"])
    assert first_look.fault_of_script(content, version) == ""


def test_after_all_those_files_the_next_is_judged_as_ever(site: Stack) -> None:
    is_judged_as_ever(site)
