"""One contestant, two doors, fifty hands: what the web process and another process accept together is the quota."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.stack import Stack, eventually

pytestmark = pytest.mark.timeout(300)
ALLOWED = 25  # more than either door alone is likely to take
WEB, BESIDE = 30, 20
OPEN = f"""
from tests import builders
contest = builders.make_contest("stormy", daily_limit=50)
contest.phases.update(total_limit={ALLOWED})
"""
# Another process of the site, as a second web process would be: as many threads, on the same database.
STORM = f"""
import json, threading
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from accounts.models import User
from contests.models import Contest
from judge import intake
user, contest, said = User.objects.get(username="carol"), Contest.objects.get(slug="stormy"), []
def hand_in(number):
    file = SimpleUploadedFile(f"b{{number}}.csv", b"id,target\\n%d,1\\n" % number)
    try:
        intake.submit(user=user, contest=contest, file=file)
        said.append("accepted")
    except intake.Rejected as rejected:
        said.append(rejected.code)
    finally:
        connection.close()
threads = [threading.Thread(target=hand_in, args=(n,)) for n in range({BESIDE})]
(settings.VAR / "run" / "storm").touch()
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(json.dumps(said))
"""


def test_two_processes_accept_together_exactly_what_is_allowed(stack: Stack) -> None:
    stack.query(OPEN)
    beside: list[str] = []
    other = threading.Thread(target=lambda: beside.extend(json.loads(stack.query(STORM))))

    def post(number: int) -> int:
        file = {"file": (f"a{number}.csv", b"id,target\n%d,0\n" % number)}
        with stack.client("carol") as client:
            return client.post("/api/v1/contests/stormy/submissions/", files=file, timeout=60).status_code

    other.start()
    eventually((stack.var / "run" / "storm").exists, what="the other process is ready")
    with ThreadPoolExecutor(WEB) as hands:
        answers = list(hands.map(post, range(WEB)))
    other.join()
    assert set(answers) <= {201, 429}
    assert set(beside) <= {"accepted", "quota"}
    assert (len(answers), len(beside)) == (WEB, BESIDE)
    assert answers.count(201) + beside.count("accepted") == ALLOWED
    kept = stack.query(
        "from contests.models import Submission\nprint(Submission.objects.filter(contest__slug='stormy').count())"
    )
    assert int(kept) == ALLOWED
