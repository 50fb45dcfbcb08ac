"""What holds the invariants, guard by guard; tools/fault_mutations.py takes each away and sees a test here turn red."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from contests import blobs
from contests.models import Submission
from judge import intake
from judge.models import Job
from leaderboard.models import Score, ScoreEvent
from runners.spec import RESULT_FILE, OutputFile
from tests.builders import make_contest, make_facts, make_submission, make_user
from tests.judge.host import GOOD_RESULT, Host
from tests.judge.test_claim import lapse
from tests.stack import Stack
from tests.together import at_once

pytestmark = pytest.mark.timeout(300)


@pytest.mark.django_db
def test_the_token_of_a_lost_attempt_opens_nothing_any_more() -> None:
    make_submission(make_contest(), make_user())
    first = Host().must_claim()
    lapse(first.job_id)
    second = Host(name="host-2").must_claim()
    path = f"blobs/{second.inputs[0].sha256}"
    assert Host().on_job("GET", second, path).status_code == 200
    assert Host().on_job("GET", first, path).status_code == 409
    assert Host().on_job("PUT", first, f"files/{'0' * 64}", b"late").status_code == 409
    # Not even when it knows which attempt runs now.
    late = {"attempt": second.attempt, "facts": make_facts().as_json(), "files": []}
    assert Host().on_job("POST", first, "finish", late).status_code == 409
    assert Job.objects.get().status == "RUNNING"


@pytest.mark.django_db(transaction=True)
def test_of_many_finishes_at_once_one_counts_and_the_others_are_told() -> None:
    make_submission(make_contest(), make_user(), kind="predictions")
    scoring = Host().must_claim("scoring")
    content = json.dumps(GOOD_RESULT).encode()
    file = OutputFile(name=RESULT_FILE, sha256=Host().upload(scoring, content), size=len(content))
    sent = {"name": file.name, "sha256": file.sha256, "size": file.size}
    body = {"attempt": scoring.attempt, "facts": make_facts().as_json(), "files": [sent]}
    said = at_once(
        [lambda: Host().on_job("POST", scoring, "finish", body).status_code] * 8, refusal=AssertionError
    )
    assert sorted(map(str, said)) == ["200", *["409"] * 7]
    assert (Score.objects.count(), ScoreEvent.objects.count()) == (1, 2)


@pytest.mark.django_db(transaction=True)
def test_bytes_are_synced_under_their_name_before_a_row_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    user, contest = make_user(), make_contest()
    content = b"print('synced before it is named')\n"
    place = blobs.path_of(hashlib.sha256(content).hexdigest())
    seen: list[str] = []
    sync = os.fsync

    def heard(handle: int) -> None:
        """The kernel's word, and what was synced: the file before it had its name, or the folder that names it."""
        path = Path(f"/proc/self/fd/{handle}").readlink()
        seen.append(
            "names" if path == place.parent and place.exists() else "bytes" if path.is_file() else "other"
        )
        sync(handle)

    def written(execute: Any, sql: str, *arguments: Any) -> Any:
        if sql.startswith('INSERT INTO "contests_submission"'):
            seen.append("row")
        return execute(sql, *arguments)

    monkeypatch.setattr(os, "fsync", heard)
    with connection.execute_wrapper(written):
        intake.submit(user=user, contest=contest, file=SimpleUploadedFile("main.py", content))
    assert [what for what in seen if what != "other"] == ["bytes", "names", "row"]
    assert Submission.objects.get().blob_id == place.name


# A pool that no agent works for, so that what was rung stays to be seen.
RUNG = """
from django.core.files.uploadedfile import SimpleUploadedFile as File
from django.db import transaction
from accounts.models import User
from contests.models import Contest, TaskVersion
from judge import bell, cancel, intake, lease
from tests.builders import make_pool
version = TaskVersion.objects.get(task__phase__contest__slug='tiny')
pool, version.pool = version.pool, make_pool('unheard')
version.save()
bells = bell.client()
bells.delete('pool.unheard')
rung = lambda: print(bells.llen('pool.unheard'))
def submit():
    return intake.submit(
        user=User.objects.get(username='carol'), contest=Contest.objects.get(slug='tiny'), file=File('main.py', b'1')
    )
try:
    with transaction.atomic():
        submission = submit()
        rung()
    rung()
    try:
        with transaction.atomic():
            submit()
            raise LookupError
    except LookupError:
        rung()
    bells.delete('pool.unheard')
    lease.sweep()
    rung()
    cancel.cancel(submission)
finally:
    version.pool = pool
    version.save()
"""


@pytest.mark.sandbox
def test_the_bell_rings_after_the_commit_and_the_sweep_rings_for_one_that_was_lost(stack: Stack) -> None:
    inside, after, rolled_back, swept = map(int, stack.query(RUNG).split())
    assert (inside, after, rolled_back, swept) == (0, 1, 1, 1)
