"""`manage.py demo` as a visitor sees it: from nothing to live boards, and again with everything kept."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from operations.datasets import DatasetError
from operations.demo.samples import AUTHORS
from operations.samples.catalogue import SAMPLES, Sample
from runners.environments import PackagesUnreachableError
from tests.stack import ENVIRONMENTS, ROOT, eventually, free_port, missing_environments

ALL = ("python", "torch", "tensorflow")
READY = re.compile(r"Podium is ready: (\S+) +\(log in as admin, password (\S+);")
LIST = """
select u.username, s.filename, s.verdict, s.public_score
from contests_submission s join accounts_user u on u.id = s.user_id
"""

pytestmark = [pytest.mark.sandbox, pytest.mark.alone, pytest.mark.timeout(600)]


class Demo:
    def __init__(self, var: Path) -> None:
        self.var, self.port = var, free_port()
        inherited = dict(os.environ)  # noqa: TID251 - as from a shell, without our own settings
        self.environment = {
            name: text for name, text in inherited.items() if not name.startswith("PODIUM_")
        } | {
            "PODIUM_VAR": str(var),
            "PODIUM_ENVIRONMENTS_DIR": str(ENVIRONMENTS),
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        built = [name for name in ALL if not missing_environments(name)]
        self.command = [sys.executable, "manage.py", "demo", "--port", str(self.port)]
        self.command += ["--environments", ",".join(built)]
        self.process: subprocess.Popen[bytes] | None = None
        self.said = ""

    def start(self) -> float:
        """Start and wait until it says that it is ready; the seconds that took."""
        began = time.monotonic()
        path = self.var.with_name("said")
        with path.open("wb") as file:
            process = self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )

        def ready() -> bool:
            if process.poll() is not None:
                pytest.fail(f"the demo ended: {path.read_text()}")
            return READY.search(path.read_text()) is not None

        eventually(ready, within_s=180, what="the demo is ready")
        self.said = path.read_text()
        return time.monotonic() - began

    def stop(self) -> float:
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(timeout=15) == 0
        self.process = None
        return time.monotonic() - began

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def password(self) -> str:
        found = READY.search(self.said)
        assert found is not None
        assert found[1] == self.url
        return found[2]

    def submissions(self) -> dict[str, dict[str, Any]]:
        """All submissions by author and file name."""
        # Read beside the running site: starting Django for every look would slow down what is waited for.
        with contextlib.closing(
            sqlite3.connect(f"file:{self.var}/podium.sqlite3?mode=ro", uri=True)
        ) as database:
            rows = database.execute(LIST).fetchall()
        found = {f"{row[0]}/{row[1]}": {"verdict": row[2], "public_score": row[3]} for row in rows}
        assert len(found) == len(rows), "a sample submission was handed in twice"
        return found

    def board(self, contest: str) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self.url}/api/v1/contests/{contest}/leaderboard/", timeout=10)
        answer.raise_for_status()
        entries: list[dict[str, Any]] = answer.json()["entries"]
        return entries


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    if missing := missing_environments("scoring", "python"):
        pytest.fail(f"build the environments first: {missing}")
    var = tmp_path_factory.mktemp("demo") / "var"
    started = Demo(var)
    try:
        started.start()
    except (PackagesUnreachableError, DatasetError) as error:
        pytest.fail(str(error))
    yield started
    if started.process is not None:
        started.stop()


def test_a_first_start_ends_with_scores_on_both_boards(demo: Demo) -> None:
    for contest in ("digits", "diabetes"):
        assert demo.board(contest)
        page = httpx.get(f"{demo.url}/contests/{contest}/leaderboard/", timeout=10)
        assert page.status_code == httpx.codes.OK


def test_the_password_beside_the_address_opens_the_admin(demo: Demo) -> None:
    with httpx.Client(base_url=demo.url, follow_redirects=True, timeout=20) as browser:
        form = browser.get("/admin/")
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text)
        assert token is not None
        fields = {
            "login": "admin",
            "password": demo.password,
            "csrfmiddlewaretoken": token[1],
            "next": "/admin/",
        }
        answer = browser.post(form.url, data=fields, headers={"Referer": str(form.url)})
        assert answer.url.path == "/admin/"
        assert answer.status_code == httpx.codes.OK


@pytest.mark.parametrize(
    "sample",
    [
        pytest.param(s, marks=[pytest.mark.heavy] if s.environment not in {"", "python"} else [])
        for s in SAMPLES
    ],
    ids=lambda sample: sample.file,
)
def test_a_sample_submission_gets_the_verdict_and_the_score_it_promises(demo: Demo, sample: Sample) -> None:
    if sample.environment and missing_environments(sample.environment):
        pytest.skip(f"environment {sample.environment} is not built")
    key = f"{AUTHORS[sample.file]}/{sample.file}"
    found = eventually(
        lambda: demo.submissions()[key] if demo.submissions()[key]["verdict"] else {}, within_s=500, what=key
    )
    assert found["verdict"] == sample.verdict
    if sample.expected_score is not None:
        better = found["public_score"] - sample.expected_score
        assert better >= 0 if sample.contest == "digits" else better <= 0


def test_the_third_contest_gets_its_board_from_a_notebook_and_scripts(demo: Demo) -> None:
    rows = eventually(
        lambda: demo.board("breast-cancer") if len(demo.board("breast-cancer")) == 3 else [],
        within_s=300,
        what="three rows on the board of breast-cancer",
    )
    assert rows[0]["name"] == "Emmy"  # who handed in the notebook
    eventually(
        lambda: f"{demo.url}/contests/breast-cancer/leaderboard/" in demo.var.with_name("said").read_text(),
        what="the terminal says so",
    )


def test_a_second_start_is_quick_and_keeps_everything(demo: Demo) -> None:
    before, password = demo.submissions(), demo.password
    assert demo.stop() < 15.0
    assert demo.start() < 60.0  # 15 s on a machine that does nothing else
    assert demo.password == password
    assert demo.submissions().keys() == before.keys()
    assert "building" not in demo.said
    assert "handed in" not in demo.said
