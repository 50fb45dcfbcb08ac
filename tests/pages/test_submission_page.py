"""What a submission's page tells: log, facts, mistakes, live topic."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django.fixtures import Settings

from accounts.models import User
from contests.models import Contest
from judge import feed
from live import tokens
from tests.builders import make_facts, make_submission
from tests.pages.reading import read, signed_in

HOSTILE = b"<script>alert(1)</script>\x1b[31mred\x1b[0m\n"


def test_a_log_is_shown_as_text(contest: Contest, alice: User) -> None:
    submission = make_submission(contest, alice, status="RUNNING", log=HOSTILE)
    page = read(signed_in(alice), f"/submissions/{submission.pk}/")
    assert "<script>alert" not in page.html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;red" in page.html
    assert f'data-end="{len(HOSTILE)}"' in page.html


def test_the_whole_log_is_on_the_page_and_the_rest_by_offset(contest: Contest, alice: User) -> None:
    log = b"".join(b"line %05d\n" % number for number in range(20_000))
    submission = make_submission(contest, alice, status="FINISHED", verdict="NO_OUTPUT", log=log)
    client = signed_in(alice)
    assert "line 19999" in read(client, f"/submissions/{submission.pk}/").html
    part = client.get(f"/submissions/{submission.pk}/log/?after=11").json()
    assert (part["offset"], part["text"][:10]) == (11, "line 00001")
    assert client.get(f"/submissions/{submission.pk}/log/?after=-1").status_code == 400
    assert client.get(f"/submissions/{submission.pk}/log/?after={'9' * 40}").status_code == 400


def test_facts_stand_beside_their_limits(contest: Contest, alice: User) -> None:
    facts = make_facts(wall_s=61.0, memory_peak=512 << 20)
    submission = make_submission(contest, alice, status="FINISHED", verdict="NO_OUTPUT", facts=facts)
    page = read(signed_in(alice), f"/submissions/{submission.pk}/")
    assert "1 min 1 s of 10 minutes" in page.text
    assert "512 MB of 2 GB" in page.text


def test_mistakes_are_listed_in_the_readers_language(contest: Contest, alice: User) -> None:
    errors = [
        {"code": "duplicate_id", "params": {"id": "7", "row": 9, "first_row": 3}, "message": "English"},
        {"code": "from_a_newer_scorer", "params": {}, "message": "Said by the scorer itself."},
    ]
    submission = make_submission(contest, alice, status="FINISHED", verdict="INVALID_OUTPUT", errors=errors)
    address = f"/submissions/{submission.pk}/"
    english = read(signed_in(alice), address).text
    assert "Row 9 repeats the id “7” of row 3." in english
    assert "Said by the scorer itself." in english
    chinese = read(signed_in(alice, language="zh-hans"), address).text
    assert "Row 9 repeats" not in chinese
    assert "“7”" in chinese


def test_the_page_carries_a_token_for_its_own_topic_only(
    contest: Contest, alice: User, bob: User, settings: Settings
) -> None:
    submission = make_submission(contest, alice, status="RUNNING")
    other = make_submission(contest, bob, status="RUNNING")
    page = read(signed_in(alice), f"/submissions/{submission.pk}/")
    root = next(given for _tag, given in page.elements if "data-submission" in given)
    secret = settings.SECRET_KEY
    assert root["data-topic"] == feed.topic(submission)
    assert tokens.check(secret, feed.topic(submission), str(root["data-token"]))
    assert not tokens.check(secret, feed.topic(other), str(root["data-token"]))


def test_own_submissions_come_in_pages_the_newest_first(contest: Contest, alice: User) -> None:
    for number in range(30):
        make_submission(contest, alice, filename=f"try_{number:02}.py")
    client = signed_in(alice)
    first = read(client, "/submissions/").text
    assert "try_29.py" in first
    assert "try_04.py" not in first
    assert "try_04.py" in read(client, "/submissions/?page=2").text
    assert "try_04.py" in read(client, "/submissions/?page=999").text


@pytest.mark.parametrize(
    ("state", "steps"),
    [
        ({"status": "QUEUED"}, ["is-now", "", "", ""]),
        ({"status": "RUNNING"}, ["is-done", "is-now", "", ""]),
        ({"status": "SCORING"}, ["is-done", "is-done", "is-now", ""]),
        ({"status": "FINISHED"}, ["is-done", "is-done", "is-done", "is-done"]),
        ({"status": "FINISHED", "kind": "predictions"}, ["is-done", "is-done", "is-done"]),
        ({"status": "SCORING", "kind": "predictions"}, ["is-done", "is-now", ""]),
        ({"status": "FINISHED", "verdict": "RUNTIME_ERROR"}, ["is-done", "is-stopped", "", ""]),
        ({"status": "FINISHED", "verdict": "INVALID_OUTPUT"}, ["is-done", "is-done", "is-stopped", ""]),
        ({"status": "CANCELLED"}, ["is-done", "is-stopped", "", ""]),
    ],
)
def test_the_steps_show_how_far_it_came(
    contest: Contest, alice: User, state: dict[str, Any], steps: list[str]
) -> None:
    submission = make_submission(contest, alice, **state)
    page = read(signed_in(alice), f"/submissions/{submission.pk}/")
    shown = [str(item["class"]) for item in page.all("li") if str(item.get("class", "")).startswith("step")]
    assert [words.removeprefix("step").strip() for words in shown] == steps
