"""Notebooks from upload to score, and from upload to the named cell, through the running site."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.runners.notebook_stage import notebook
from tests.stack import PERFECT, Stack

pytestmark = [pytest.mark.timeout(300), pytest.mark.sandbox, pytest.mark.once]


def test_a_notebook_is_run_scored_and_kept(stack: Stack) -> None:
    content = notebook("print('from the first cell')", PERFECT.decode(), kernelspec={"name": "conda-base-py"})
    submission = stack.submit(content, filename="work.ipynb")
    judged = stack.wait_verdict(submission, within_s=120)
    assert (judged["verdict"], judged["kind"]) == ("SCORED", "notebook")
    assert judged["public_score"] == 1.0
    names = {file["name"] for file in judged["runs"][0]["files"]}
    assert names == {"submission.csv", "notebook.ipynb", "notebook.html", "notebook.json"}


_FROM_KAGGLE = """
import csv, glob, os
for folder, _, names in os.walk("/kaggle/input"):
    for name in names:
        print(os.path.join(folder, name))
print(len(glob.glob("/kaggle/input/**/test.csv", recursive=True)), os.path.exists("/kaggle/working"))
for place in ("../input/tiny/", "../input/", "/kaggle/input/tiny/", "/input/"):
    rows = list(csv.DictReader(open(place + "test.csv")))
with open("/kaggle/working/submission.csv", "w") as file:
    file.write("id,target\\n" + "".join(f"{row['id']},{int(float(row['x']) > 0.5)}\\n" for row in rows))
"""


def test_a_notebook_from_kaggle_runs_unedited(stack: Stack) -> None:
    submission = stack.submit(notebook(_FROM_KAGGLE), filename="kaggle.ipynb")
    assert stack.wait_verdict(submission, within_s=120)["public_score"] == 1.0
    with stack.client() as client:
        log = client.get(f"/api/v1/submissions/{submission}/log/").json()["text"]
    for name in ("train.csv", "test.csv", "sample_submission.csv"):
        assert f"/kaggle/input/tiny/{name}\n" in log
    assert "\n1 True\n" in log


def test_a_failing_cell_is_named_and_the_next_submission_is_judged(stack: Stack) -> None:
    submission = stack.submit(notebook("x = 1", "raise ValueError('no good')"), filename="work.ipynb")
    judged = stack.wait_verdict(submission, within_s=120)
    assert judged["verdict"] == "RUNTIME_ERROR"
    assert judged["runs"][0]["facts"]["notebook"]["failed"]["cell"] == 2
    assert stack.wait_verdict(stack.submit(), within_s=120)["verdict"] == "SCORED"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"print('a script')", "it is not JSON"),
        (json.dumps({"nbformat": 1, "worksheets": []}).encode(), "old format 1"),
        (b'{"nbformat": 4, "cells": [' + b" " * (6 << 20), "Clear its outputs"),
        (b'{"a":' * 100_000, "not valid JSON"),
    ],
)
def test_a_bad_notebook_is_refused_with_a_sentence(stack: Stack, content: bytes, words: str) -> None:
    answer = stack.post(content, filename="work.ipynb")
    assert answer.status_code in {httpx.codes.BAD_REQUEST, httpx.codes.REQUEST_ENTITY_TOO_LARGE}
    assert words in answer.text
