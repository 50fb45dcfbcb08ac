"""A task with hidden features, and uploads for it: for tests of the site alone and of the whole way."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import User
from contests.models import Contest, Submission
from judge import intake
from tests.builders import make_blob, make_contest, task_version_of

CANARY = "canary5f3a9c"
# As tests.builders' public test.csv, but with what nobody may see.
HIDDEN_TEST = f"id,x,note\n3,0.9,{CANARY}\n4,0.1,{CANARY}\n".encode()
PROJECT: Mapping[str, bytes] = {
    "train.py": b"print('training')\n",
    "predict.py": b"1\n2\nraise ValueError\n4\n",
}


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
