"""While the broker hangs, people log in, hand in and look: only what is pushed waits."""

from __future__ import annotations

import os
import re
import signal
import time

import httpx
import pytest

from tests.builders import PASSWORD
from tests.stack import PERFECT, Stack

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]


def test_login_upload_and_board_work_while_the_broker_hangs(stack: Stack) -> None:
    broker = stack.kill("broker", signal.SIGSTOP)
    try:
        with httpx.Client(base_url=stack.url, follow_redirects=True, timeout=30) as browser:
            page = browser.get("/accounts/login/").text
            token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
            assert token is not None
            form = {"login": "alice", "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
            answer = browser.post("/accounts/login/", data=form, headers={"Referer": stack.url})
            assert answer.status_code == 200
            assert "sessionid" in browser.cookies
        began = time.monotonic()
        submission = stack.submit(PERFECT)
        assert time.monotonic() - began < 10
        assert stack.wait_verdict(submission)["verdict"] == "SCORED"
    finally:
        os.kill(broker, signal.SIGCONT)
    assert stack.board()
