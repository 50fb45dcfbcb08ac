"""Who may see what: another contestant's submission does not exist."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from accounts.models import User
from contests.models import Contest, Submission
from tests.builders import make_contest, make_submission, make_user, phase_of
from tests.pages.reading import read, signed_in

FILES = {"submission.csv": b"id,target\n3,1\n"}


@pytest.fixture
def submission(contest: Contest, alice: User) -> Submission:
    return make_submission(
        contest, alice, status="FINISHED", public_score=0.25, private_score=0.75, log=b"hello\n", files=FILES
    )


def addresses(submission: Submission) -> list[str]:
    base = f"/submissions/{submission.pk}/"
    return [base, f"{base}log/", f"{base}source/", f"{base}files/submission.csv"]


def test_another_contestant_finds_nothing(submission: Submission, bob: User) -> None:
    client = signed_in(bob)
    for address in addresses(submission):
        assert client.get(address).status_code == 404, address
    assert str(submission.pk) not in read(client, "/submissions/").html


def test_a_visitor_is_sent_to_the_login(submission: Submission) -> None:
    for address in addresses(submission):
        assert signed_in(None).get(address)["Location"].startswith("/accounts/login/"), address


def test_owner_organiser_and_staff_find_it(submission: Submission, alice: User, staff: User) -> None:
    organiser = make_user("organiser")
    submission.contest.organisers.add(organiser)
    for user in (alice, organiser, staff):
        client = signed_in(user)
        for address in addresses(submission):
            assert client.get(address).status_code == 200, (user, address)


def test_another_contestant_cannot_cancel(contest: Contest, alice: User, bob: User) -> None:
    submission = make_submission(contest, alice)
    client = signed_in(bob)
    page = read(client, "/submissions/")
    token = next(str(i["value"]) for i in page.all("input") if i.get("name") == "csrfmiddlewaretoken")
    answer = client.post(f"/submissions/{submission.pk}/cancel/", {"csrfmiddlewaretoken": token})
    assert answer.status_code == 404
    submission.refresh_from_db()
    assert submission.status == "QUEUED"


def test_reading_changes_nothing(contest: Contest, alice: User) -> None:
    submission = make_submission(contest, alice)
    client = signed_in(alice)
    assert client.get(f"/submissions/{submission.pk}/cancel/").status_code == 405
    for address in addresses(submission)[:3]:
        client.get(address)
    client.get("/accounts/logout/")
    submission.refresh_from_db()
    assert submission.status == "QUEUED"
    assert client.get("/submissions/").status_code == 200


def test_the_private_score_is_shown_from_the_reveal_on(submission: Submission, alice: User) -> None:
    address = f"/submissions/{submission.pk}/"
    page = read(signed_in(alice), address)
    assert "0.25000" in page.text
    assert "0.75000" not in page.html
    phase = phase_of(submission.contest)
    phase.private_revealed_at = timezone.now() + dt.timedelta(hours=1)
    phase.save()
    assert "0.75000" not in read(signed_in(alice), address).html
    phase.private_revealed_at = timezone.now() - dt.timedelta(hours=1)
    phase.save()
    assert "0.75000" in read(signed_in(alice), address).text


def test_files_are_downloads_and_never_pages(submission: Submission, alice: User) -> None:
    for address in addresses(submission)[2:]:
        answer = signed_in(alice).get(address)
        assert answer["Content-Disposition"].startswith("attachment")
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer["Content-Security-Policy"]
        assert answer["Content-Type"] == "application/octet-stream"
    assert answer.getvalue() == FILES["submission.csv"]


def test_an_unpublished_contest_exists_for_its_organisers_only(alice: User, bob: User) -> None:
    contest = make_contest("secret", published=False)
    contest.organisers.add(alice)
    pages = ("", "data/", "leaderboard/", "data/train.csv", "data.zip", "join/", "submit/")
    for page in pages:
        assert signed_in(bob).get(f"/contests/secret/{page}").status_code == 404, page
        assert signed_in(alice).get(f"/contests/secret/{page}").status_code == 200, page
    assert "Secret" not in read(signed_in(None), "/").text


def test_data_is_shown_from_the_start_on(alice: User, staff: User) -> None:
    make_contest("later", starts_at=timezone.now() + dt.timedelta(hours=1))
    assert "They are shown when the contest starts." in read(signed_in(alice), "/contests/later/data/").text
    for path in ("data/train.csv", "data.zip"):
        assert signed_in(alice).get(f"/contests/later/{path}").status_code == 404
        assert signed_in(staff).get(f"/contests/later/{path}").status_code == 200


def test_the_solution_is_not_a_data_file(contest: Contest, staff: User) -> None:
    assert signed_in(staff).get("/contests/digits/data/solution.csv").status_code == 404
