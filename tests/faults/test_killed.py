"""kill -9 of any part at any step of a run ends in exactly one counted result."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Any

import httpx
import pytest

from tests.faults.leftovers import nothing_is_left
from tests.stack import PERFECT, Stack, eventually

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]
SLOW = b"import time\nfor n in range(15):\n    print('step', n, flush=True)\n    time.sleep(0.1)\n" + PERFECT
SLOWER = SLOW.replace(b"range(15)", b"range(40)")  # it does not end before a busy machine has killed it


def counted(stack: Stack, submission: str) -> dict[str, int]:
    """How often the database counts this submission."""
    with stack.database() as ask:
        ((scores, events, runs, jobs, attempts),) = ask(
            "SELECT (SELECT count(*) FROM leaderboard_score WHERE submission_id = ?),"
            " (SELECT count(*) FROM leaderboard_scoreevent WHERE submission_id = ?),"
            " (SELECT count(*) FROM judge_run WHERE submission_id = ?), count(*), coalesce(sum(attempt), 0)"
            " FROM judge_job WHERE run_id IN (SELECT id FROM judge_run WHERE submission_id = ?)",
            *[submission.replace("-", "")] * 4,
        )
    return {"scores": scores, "events": events, "runs": runs, "jobs": jobs, "attempts": attempts}


def assert_counted_once(stack: Stack, submission: str) -> dict[str, Any]:
    judged = stack.wait_verdict(submission, within_s=90)
    assert (judged["verdict"], judged["public_score"]) == ("SCORED", 1.0), judged
    assert {k: v for k, v in counted(stack, submission).items() if k != "attempts"} == {
        "scores": 1,
        "events": 2,  # the public and the final board
        "runs": 1,
        "jobs": 2,
    }
    return judged


def kill_one(shims: list[dict[str, Any]]) -> bool:
    for shim in shims:
        with contextlib.suppress(ProcessLookupError):
            os.kill(shim["pid"], signal.SIGKILL)
            return True
    return False


@pytest.mark.parametrize(
    "delay_s",
    [0.0, pytest.param(0.15, marks=pytest.mark.once), pytest.param(0.4, marks=pytest.mark.once), 1.7],
)
@pytest.mark.parametrize("victim", ["agent", "web"])
def test_a_killed_process_costs_time_and_nothing_else(stack: Stack, victim: str, delay_s: float) -> None:
    submission = stack.submit(SLOW)
    time.sleep(delay_s)  # the step at which it dies, not a wait for something
    old = stack.kill(victim)
    stack.wait_restarted(victim, old)
    assert_counted_once(stack, submission)
    nothing_is_left(stack)


def test_a_killed_shim_gives_its_job_back_and_the_next_attempt_counts(stack: Stack) -> None:
    submission = stack.submit(SLOWER)
    eventually(lambda: kill_one(stack.speaking()), within_s=60, what="the program runs")
    assert_counted_once(stack, submission)
    assert counted(stack, submission)["attempts"] == 3  # two of the run, one of the scoring
    nothing_is_left(stack)


@pytest.mark.parametrize("status", ["RUNNING", "SCORING"])
def test_a_shim_killed_as_soon_as_it_is_there_costs_at_most_an_attempt(stack: Stack, status: str) -> None:
    submission = stack.submit(SLOW)
    stack.wait_status(submission, status, "FINISHED")
    eventually(lambda: kill_one(stack.shims()) or stack.submission(submission)["status"] == "FINISHED")
    assert_counted_once(stack, submission)
    # A warm sandbox that ends before its program begins is replaced within the same attempt.
    assert counted(stack, submission)["attempts"] in {2, 3}
    nothing_is_left(stack)


def test_a_run_survives_its_agent_and_is_not_started_again(stack: Stack) -> None:
    submission = stack.submit(SLOWER)
    eventually(stack.speaking, within_s=60, what="the program runs")
    old = stack.kill("agent")
    stack.wait_restarted("agent", old)
    assert_counted_once(stack, submission)
    assert counted(stack, submission)["attempts"] == 2  # one of the run, one of the scoring


@pytest.mark.parametrize("victim", ["judge", "beat", "publisher", "broker"])
def test_a_killed_helper_process_loses_nothing(stack: Stack, victim: str) -> None:
    old = stack.kill(victim)
    submission = stack.submit()
    assert_counted_once(stack, submission)
    stack.wait_restarted(victim, old)


def test_a_web_process_killed_while_it_answers_leaves_one_submission_for_one_key(stack: Stack) -> None:
    for number in range(4):
        key = f"key-{number}-{time.monotonic_ns()}"
        content = PERFECT + f"# {key}\n".encode()
        old = stack.pid("web")
        with contextlib.suppress(httpx.HTTPError), stack.client() as client:
            client.timeout = httpx.Timeout(0.01 * (number + 1))
            client.post(
                "/api/v1/contests/tiny/submissions/",
                files={"file": ("main.py", content)},
                headers={"Idempotency-Key": key},
            )
        stack.kill("web")
        stack.wait_restarted("web", old)
        first = stack.post(content, key=key)
        second = stack.post(content, key=key)
        assert first.status_code == second.status_code == 201
        assert first.json()["id"] == second.json()["id"]
        assert_counted_once(stack, first.json()["id"])


def test_the_board_equals_one_rebuilt_from_its_events_after_all_this(stack: Stack) -> None:
    assert_counted_once(stack, stack.submit())
    stack.query(
        "from leaderboard import boards\n"
        "from leaderboard.models import Board\n"
        "for board in Board.objects.all():\n"
        "    assert boards.materialised(board) == boards.recomputed(board), board.pk\n"
    )
