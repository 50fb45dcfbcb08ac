"""A site whose files lie in a real S3 server: a submission survives the server's absence in the middle of its run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.contests.s3_server import S3Server, s3_server
from tests.faults.test_killed import SLOW, assert_counted_once
from tests.stack import Stack, eventually, running_stack

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300), pytest.mark.once]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("objects")) as running:
        (running.folder / "podium").mkdir()
        yield running


@pytest.fixture(scope="module")
def site(services: None, server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("site"), **server.environment()) as stack:
        yield stack


def test_what_runs_while_the_store_is_away_is_counted_once_when_it_is_back(
    site: Stack, server: S3Server
) -> None:
    submission = site.submit(SLOW)
    site.wait_status(submission, "RUNNING")
    server.stop()
    refused = site.post(SLOW, user="bob")
    assert (refused.status_code, refused.json()["code"]) == (503, "store_away")
    eventually(
        lambda: site.log_of("web").count("store of files away") > 1,
        within_s=60,
        what="the agent has tried to hand in its result, too",
    )
    assert site.submission(submission)["status"] == "RUNNING"
    server.start()
    assert_counted_once(site, submission)
    listed = site.client("bob").get("/api/v1/contests/tiny/submissions/").json()
    assert listed["count"] == 0


def test_nothing_of_it_lies_on_the_sites_own_disk(site: Stack, server: S3Server) -> None:
    kept = [path for path in (site.var / "blobs").rglob("*") if path.is_file()]
    assert kept == []
    assert len(list(Path(server.folder / "podium" / "blobs").glob("*/*"))) > 5
    with httpx.stream("GET", f"{site.url}/api/v1/contests/tiny/data/train.csv", timeout=20) as answer:
        assert answer.read().startswith(b"id,x,target\n")
