"""An organiser's task through every process: all its mistakes are listed at once, mended, found green, published."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.stack import PERFECT, Stack, eventually
from tests.stack_seed import FILES, SOLUTION

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]

OPEN = """
from operations import preparing
from tests.builders import make_contest, make_starter, make_user, task_version_of
contest = make_contest("checked", published=False, files={files!r}, solution={solution!r})
version = task_version_of(contest)
built = preparing.register_environments()
version.environment, version.scoring_environment = built["python"], built["scoring"]
version.save()
version.environments.set([built["python"]])
starter = make_starter(contest, "baseline.py", {baseline!r}, environment=built["python"])
starter.baseline = True
starter.save()
contest.organisers.add(make_user("olga"))
"""
START = """
from accounts.models import User
from contests.models import TaskVersion
from judge import checking
version = TaskVersion.objects.get(task__phase__contest__slug="checked")
print(checking.start(version, User.objects.get(username="olga")).pk)
"""
LOOK = """
import json
from contests import check_texts
from contests.models import Check
check = Check.objects.get(pk={pk})
print(json.dumps([check.status, check.rows, [check_texts.sentence(found) for found in check.findings]]))
"""
MEND = """
from contests import blobs, tasks
from contests.models import StarterCode, TaskVersion
version = TaskVersion.objects.get(task__phase__contest__slug="checked")
tasks.set_solution(version, blobs.store([{solution!r}]))
for name, content in {files!r}.items():
    tasks.set_file(version, name, blobs.store([content]))
StarterCode.objects.filter(contest__slug="checked").update(blob=blobs.store([{baseline!r}]))
"""
PUBLISH = """
from contests import publishing
from contests.models import Contest
contest = Contest.objects.get(slug="checked")
try:
    publishing.publish(contest)
    print("published")
except publishing.CannotPublish as error:
    print(error.messages)
"""
BROKEN_FILES = FILES | {
    "train.csv": FILES["train.csv"] + b"3,0.5,0\n",
    "sample_submission.csv": FILES["sample_submission.csv"].replace(b"5,0\n", b"5,nan\n5,0\n"),
}
BROKEN_SOLUTION = SOLUTION.replace("7,0,Public", "7,0,Pubic").replace("9,", "8,", 1)


def check(stack: Stack) -> tuple[str, dict[str, int], list[str]]:
    """Start a check and wait for its end: status, rows, the findings as sentences."""
    pk = stack.query(START).strip()

    def ended() -> list[Any]:
        found: list[Any] = json.loads(stack.query(LOOK.format(pk=pk)))
        return found if found[0] not in {"QUEUED", "RUNNING"} else []

    status, rows, sentences = eventually(ended, within_s=90, what="the check has ended")
    return status, rows, sentences


def test_a_broken_task_is_told_all_its_mistakes_and_a_mended_one_is_published(stack: Stack) -> None:
    stack.query(
        OPEN.format(files=BROKEN_FILES, solution=BROKEN_SOLUTION.encode(), baseline=b"raise SystemExit(3)\n")
    )
    status, _rows, sentences = check(stack)
    assert status == "RED", stack.logs()
    said = "\n".join(sentences)
    for beginning in (
        "solution.csv: Row 9: Usage must be Public",
        "solution.csv: Row 11 repeats the id “8” of row 10.",
        "sample_submission.csv: Row 8 repeats the id “5” of row 7.",
        "train.csv: Row 18, column “target”: the value of the solution for the id “3”",
        "baseline.py: This baseline ended with an error.",
    ):
        assert beginning in said, said
    assert "found mistakes" in stack.query(PUBLISH)

    stack.query(MEND.format(files=FILES, solution=SOLUTION.encode(), baseline=PERFECT))
    assert "changed after its last check" in stack.query(PUBLISH)
    assert check(stack) == ("GREEN", {"public": 8, "private": 8, "ignored": 0}, [])
    assert stack.query(PUBLISH).strip() == "published"
    # The trials of the check are on no board.
    assert stack.board("checked") == []
    judged = stack.wait_verdict(stack.submit(contest="checked"))
    assert (judged["verdict"], judged["public_score"]) == ("SCORED", 1.0)
    assert len(stack.board("checked")) == 1
