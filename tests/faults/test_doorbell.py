"""The bell may be lost, doubled or out of order: each submission is judged once all the same."""

from __future__ import annotations

import pytest

from tests.faults.test_killed import assert_counted_once, counted
from tests.stack import Stack

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]
RING = "from judge import bell\nfor _ in range({times}):\n    assert bell.ring('{pool}')\n"


def test_a_bell_that_never_rang_costs_one_look_and_no_submission(stack: Stack) -> None:
    stack.query(
        "from django.conf import settings\n"
        "settings.REDIS_URL = 'unix:///nonexistent/valkey.sock'\n"
        "from django.core.files.uploadedfile import SimpleUploadedFile as File\n"
        "from accounts.models import User\n"
        "from contests.models import Contest, Submission\n"
        "from judge import bell, intake\n"
        "assert not bell.ring('cpu')\n"
        "from tests.stack import PERFECT\n"
        "intake.submit(user=User.objects.get(username='alice'), contest=Contest.objects.get(slug='tiny'),"
        " file=File('main.py', PERFECT), idempotency_key='unheard')\n"
    )
    identifier = stack.query(
        "from contests.models import Submission\n"
        "print(Submission.objects.get(idempotency_key='unheard').pk)\n"
    ).strip()
    assert_counted_once(stack, identifier)


def test_a_bell_that_rings_ten_times_starts_one_run(stack: Stack) -> None:
    submission = stack.submit()
    stack.query(RING.format(times=10, pool="cpu") + RING.format(times=10, pool="scoring"))
    assert_counted_once(stack, submission)
    assert counted(stack, submission)["attempts"] == 2


def test_a_bell_that_rings_before_and_for_the_other_pool_harms_nothing(stack: Stack) -> None:
    stack.query(RING.format(times=3, pool="scoring") + RING.format(times=3, pool="cpu"))
    submission = stack.submit()
    stack.query(RING.format(times=3, pool="cpu"))
    assert_counted_once(stack, submission)
    assert counted(stack, submission)["attempts"] == 2
