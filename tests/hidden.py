"""A task with hidden features, and uploads for it: for tests of the site alone and of the whole way."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import User
from contests.models import Contest, Submission
from judge import intake
from runners.spec import SUBMISSION_FILE, JobSpec
from tests.builders import make_blob, make_contest, make_facts, task_version_of
from tests.judge.host import Host

CANARY = "canary5f3a9c"
# As tests.builders' public test.csv, but with what nobody may see.
HIDDEN_TEST = f"id,x,note\n3,0.9,{CANARY}\n4,0.1,{CANARY}\n".encode()
PROJECT: Mapping[str, bytes] = {
    "train.py": b"print('training')\n",
    "predict.py": b"1\n2\nraise ValueError\n4\n",
}

SCRIPT = b"1\n2\n3\n4\n5\n"
NOTEBOOK = json.dumps(
    {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "cells": [
            {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
            for source in ("x = 1", "y = 2")
        ],
    }
).encode()
# No moment is written like this time ("18:11:13.3" is one), so that finding it tells of a leak.
WALL_S, WALL_SAID = 113.3, (b"113.3", b"1 min 53 s")
FAILED = make_facts(exit_code=1, wall_s=WALL_S, cpu_s=7.1, memory_peak=300 << 20)
SAMPLES: dict[str, Any] = {"samples": [[0, 0.1, 0.1, 1000, 10, None, None]]}


def hidden_contest(
    *, kinds: Sequence[str] = ("script", "notebook", "project"), hidden_replies: int = 5, **fields: Any
) -> Contest:
    contest = make_contest(kinds=kinds, **fields)
    version = task_version_of(contest)
    version.test_features_public, version.hidden_replies = False, hidden_replies
    version.save()
    version.hidden_files.create(name="test.csv", blob=make_blob(HIDDEN_TEST))
    return contest


def zipped(files: Mapping[str, bytes] = PROJECT, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def hand_in(contest: Contest, user: User, name: str, content: bytes) -> Submission:
    return intake.submit(user=user, contest=contest, file=SimpleUploadedFile(name, content))


def hidden_spec(contest: Contest, user: User, name: str = "work.py", content: bytes = SCRIPT) -> JobSpec:
    """The job of a submission that meets the hidden features, claimed."""
    hand_in(contest, user, name, content)
    host = Host()
    first = host.must_claim()
    host.finish(first, files={"model.zip": zipped({"m": b"1"}), SUBMISSION_FILE: b"id,target\n"})
    return host.must_claim()
