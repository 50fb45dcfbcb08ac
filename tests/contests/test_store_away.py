"""While the store of files does not answer: 503 to everybody, and afterwards nothing was lost or counted."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django.fixtures import Settings

from contests import blobs, stores
from contests.bucket import Bucket
from contests.models import Blob, Submission
from judge.models import Job, JobUpload
from tests.builders import join, make_api_token, make_contest, make_submission, make_user
from tests.contests.s3_server import S3Server, s3_server
from tests.judge.host import Host

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/contests/tiny/submissions/"


@pytest.fixture
def server(tmp_path: Path, settings: Settings) -> Iterator[S3Server]:
    """An S3 server that the settings name."""
    with s3_server(tmp_path / "s3") as running:
        settings.PODIUM_S3 = running.store()
        stores.chosen().prepare()
        yield running


def hand_in(client: Client, token: str) -> int:
    file = SimpleUploadedFile("main.py", b"print(1)\n")
    return client.post(ADDRESS, {"file": file}, headers={"Authorization": f"Token {token}"}).status_code


def test_a_submission_is_refused_as_not_just_now_and_taken_when_the_store_is_back(
    server: S3Server, client: Client
) -> None:
    contest, user = make_contest("tiny", daily_limit=1), make_user()
    join(contest, user)
    token = make_api_token(user)
    server.stop()
    answer = client.post(
        ADDRESS,
        {"file": SimpleUploadedFile("main.py", b"print(1)\n")},
        headers={"Authorization": f"Token {token}"},
    )
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "store_away", "10")
    assert not Submission.objects.exists()
    assert not Blob.objects.filter(sha256=hashlib.sha256(b"print(1)\n").hexdigest()).exists()
    server.start()
    assert hand_in(client, token) == 201  # the refused one cost nothing of the one a day
    submission = Submission.objects.get()
    assert b"".join(blobs.pieces_of(submission.blob_id)) == b"print(1)\n"


def test_people_are_shown_a_page(server: S3Server, client: Client, settings: Settings) -> None:
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }
    contest, user = make_contest("tiny", files={"train.csv": b"id,target\n1,1\n"}), make_user()
    join(contest, user)
    client.force_login(user)
    server.stop()
    answer = client.get("/contests/tiny/data/train.csv")
    assert answer.status_code == 503
    assert "The store of files does not answer" in answer.content.decode()


def test_a_result_that_cannot_be_kept_is_asked_for_again(server: S3Server, client: Client) -> None:
    make_submission(make_contest("tiny"), make_user())
    spec = Host().must_claim()
    content = b"id,target\n"
    address = f"/runner/v1/jobs/{spec.job_id}/files/{hashlib.sha256(content).hexdigest()}"
    headers = {"Authorization": f"Bearer {spec.token}"}

    def put() -> int:
        return client.put(
            address, content, content_type="application/octet-stream", headers=headers
        ).status_code

    server.stop()
    assert put() == 503
    assert not JobUpload.objects.exists()
    assert Job.objects.get().status == "RUNNING"
    server.start()
    assert put() == 201
    assert JobUpload.objects.count() == 1


def test_a_store_that_takes_the_request_and_says_nothing_is_told_of_within_seconds() -> None:
    """A request of a person may wait for it three times half a minute; a look at how the site does may not."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        bucket = Bucket(address, "podium", "key", "secret", "us-east-1")
        began = time.monotonic()
        with pytest.raises(stores.StoreAway):
            bucket.probe()
        assert time.monotonic() - began < 10
