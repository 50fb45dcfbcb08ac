"""A host that is lost, one that sleeps past its lease, and a submission that kills every agent that carries it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.chaos.own import Kept, second_host
from tests.faults.leftovers import nothing_is_left
from tests.faults.long_contest import SLUG, open_long_contest
from tests.faults.test_killed import assert_counted_once, counted
from tests.stack import PERFECT, Stack, eventually

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(600)]
# Long enough that a busy machine is not too late to end it.
SLOW = b"import time\nprint('slow', flush=True)\ntime.sleep(3)\n" + PERFECT
SLEEPS = b"import time\nprint('asleep', flush=True)\ntime.sleep(300)\n" + PERFECT


@contextlib.contextmanager
def second(stack: Stack, folder: Path) -> Iterator[Kept]:
    """A second host of the site, whose directory is removed from the reckoning when it ends."""
    agent = stack.var / folder.name
    host = second_host(stack, stack.url, agent, stack.var / "logs" / f"{folder.name}.log")
    try:
        yield host
    finally:
        host.close()


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def lose(stack: Stack) -> None:
    """The host of the supervised agent is gone: its agent and all that ran there."""
    stack.kill("agent")
    for shim in stack.shims():
        with contextlib.suppress(ProcessLookupError):
            os.kill(shim["pid"], signal.SIGKILL)


def test_what_a_lost_host_ran_is_claimed_by_another_when_its_lease_is_over(
    stack: Stack, tmp_path: Path
) -> None:
    submission = stack.submit(SLOW)
    eventually(stack.speaking, within_s=60, what="the program runs")
    assert stack.supervisor is not None
    with second(stack, tmp_path):
        with stopped(stack.supervisor.pid):  # else it would bring the agent back at once
            lose(stack)
            assert_counted_once(stack, submission)
        assert counted(stack, submission)["attempts"] == 3  # two of the run, one of the scoring
        nothing_is_left(stack)


def test_an_agent_that_slept_past_its_lease_finishes_late_and_counts_nothing(
    stack: Stack, tmp_path: Path
) -> None:
    submission = stack.submit(SLOW)
    eventually(stack.speaking, within_s=60, what="the program runs")
    with second(stack, tmp_path):
        with stopped(stack.pid("agent")):
            judged = assert_counted_once(stack, submission)
        eventually(lambda: not stack.shims(), what="the late attempt is given up")
        assert stack.submission(submission) == judged
        assert_counted_once(stack, submission)
        nothing_is_left(stack)


class Poison(threading.Thread):
    """Kills the agent whenever it carries one job, as a fault of ours that this job meets would."""

    def __init__(self, host: Kept, log: Path, job: str) -> None:
        super().__init__(daemon=True)
        self.kills = 0
        self._host, self._log, self._job, self._read = host, log, job, 0
        self._over = threading.Event()

    def stop(self) -> None:
        self._over.set()
        self.join()

    def _carries(self, event: dict[str, Any]) -> bool:
        return event.get("job") == self._job and (
            event["event"] == "started" or (event["event"] == "adopted" and event["deaths"] in {1, 2})
        )

    def run(self) -> None:
        while not self._over.wait(0.02):
            lines = self._log.read_text().split("\n")[:-1] if self._log.exists() else []  # whole ones
            new = [json.loads(line) for line in lines[self._read :] if line.startswith("{")]
            self._read = len(lines)
            if any(self._carries(event) for event in new):
                self._host.kill()
                self.kills += 1


def test_a_submission_that_kills_every_agent_ends_after_three_attempts(stack: Stack, tmp_path: Path) -> None:
    open_long_contest(stack)
    with stopped(stack.pid("agent")):
        submission = stack.submit(SLEEPS, user="carol", contest=SLUG)
        job = stack.query(
            f"from judge.models import Job\nprint(Job.objects.get(run__submission='{submission}').pk)"
        ).strip()
        with second(stack, tmp_path) as host:
            poison = Poison(host, stack.var / "logs" / f"{tmp_path.name}.log", job)
            poison.start()
            judged = stack.wait_verdict(submission, user="carol", within_s=400)
            poison.stop()
            assert (judged["status"], judged["verdict"]) == ("FAILED", "INTERNAL_ERROR")
            told = json.loads(
                stack.query(
                    "import json\n"
                    "from contests.models import Submission\n"
                    "from judge import quotas\n"
                    "from judge.models import Job\n"
                    f"submission = Submission.objects.get(pk='{submission}')\n"
                    "job = Job.objects.get(run__submission=submission)\n"
                    "costs = quotas.costing(Submission.objects.filter(pk=submission.pk)).exists()\n"
                    "print(json.dumps([job.attempt, job.error, costs]))"
                )
            )
            assert told == [3, "3 agents in a row died over this attempt", False]
            assert poison.kills == 9
            assert_counted_once(stack, stack.submit())  # the queue moves on, on the same host
            nothing_is_left(stack)
