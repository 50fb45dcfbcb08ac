"""From a submission to open pages, through every process: the board and the owner's own topic."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.stack import PERFECT, Stack, eventually

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]


class Listener:
    """Collects (event, data) of one live topic in a thread."""

    def __init__(self, url: str) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.status = 0
        self._url = url
        self._connected = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()
        assert self._connected.wait(10)

    def _listen(self) -> None:
        # The stream ends when its web process does, in whichever test that is killed.
        with contextlib.suppress(httpx.HTTPError), httpx.stream("GET", self._url, timeout=60) as answer:
            self.status = answer.status_code
            self._connected.set()
            for name, data in self._events(answer.iter_lines()):
                self.heard.append((name, data))

    @staticmethod
    def _events(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        name, data = "message", ""
        for line in lines:
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                data += line[6:]
            elif not line and data:
                yield name, json.loads(data)
                name, data = "message", ""

    def named(self, name: str) -> list[dict[str, Any]]:
        return [data for heard, data in self.heard if heard == name]


def topic_and_token(stack: Stack, submission: str) -> str:
    return stack.query(
        "from contests.models import Submission\n"
        "from judge import feed\n"
        f"s = Submission.objects.get(pk='{submission}')\n"
        "print(f'{feed.topic(s)}?token={feed.token(s)}', end='')\n"
    )


def board_topic(stack: Stack) -> str:
    return stack.query(
        "from contests.models import Contest\n"
        "from leaderboard.boards import public_board\n"
        "print(public_board(Contest.objects.get(slug='tiny')).topic, end='')\n"
    )


def test_a_spectator_hears_of_a_new_score_without_asking(stack: Stack) -> None:
    stack.wait_verdict(stack.submit())
    spectator = Listener(f"{stack.url}/live/{board_topic(stack)}")
    assert spectator.status == 200
    judged = stack.wait_verdict(stack.submit(user="carol"), user="carol")
    assert judged["verdict"] == "SCORED"
    eventually(lambda: spectator.named("board"), within_s=15, what="the board's event")
    version = spectator.named("board")[-1]["v"]
    assert version >= 2
    assert "carol" in json.dumps(stack.board())


def test_the_owner_hears_status_and_log_and_nobody_else_may(stack: Stack) -> None:
    submission = stack.submit(
        b"import time\ntime.sleep(4)\nprint('epoch one', flush=True)\ntime.sleep(0.5)\n" + PERFECT
    )
    address = topic_and_token(stack, submission)
    owner = Listener(f"{stack.url}/live/{address}")
    assert owner.status == 200
    stack.wait_verdict(submission)
    eventually(lambda: any(d["status"] == "FINISHED" for d in owner.named("status")), what="the last status")
    last = owner.named("status")[-1]
    assert (last["verdict"], last["public_score"]) == ("SCORED", 1.0)
    assert "private_score" not in json.dumps(owner.heard)
    assert "epoch one\n" in "".join(part["text"] for part in owner.named("log"))
    topic, _, _ = address.partition("?")
    for query in ("", "?token=", "?token=9999999999.AAAA"):
        assert httpx.get(f"{stack.url}/live/{topic}{query}").status_code == 401


def test_the_log_is_live_before_the_run_ends(stack: Stack) -> None:
    submission = stack.submit(b"import time\nprint('early', flush=True)\ntime.sleep(60)\n" + PERFECT)

    def early() -> bool:
        with stack.client() as client:
            text = client.get(f"/api/v1/submissions/{submission}/log/").json()["text"]
        return "early" in text

    eventually(early)
    assert stack.submission(submission)["status"] == "RUNNING"
    with stack.client() as client:
        client.post(f"/api/v1/submissions/{submission}/cancel/")
    assert stack.wait_verdict(submission)["verdict"] == "CANCELLED"
