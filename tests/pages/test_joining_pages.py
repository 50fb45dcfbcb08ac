"""Joining by hand: codes, rules, names, and who is let through to what."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http.response import HttpResponse
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import User
from contests import joining
from contests.models import Contest, Participation, Submission, Team
from leaderboard.models import Board
from tests.builders import make_contest, make_submission, make_user
from tests.pages.reading import Page, read, signed_in
from tests.pages.test_handing_in import hidden

RULES = "Be **kind**."


def post(client: Client, path: str, page: Page | None = None, **fields: Any) -> HttpResponse:
    form = page or read(client, path)
    answer = client.post(path, {"csrfmiddlewaretoken": hidden(form, "csrfmiddlewaretoken"), **fields})
    assert isinstance(answer, HttpResponse)
    return answer


def goal(page: Page) -> list[str]:
    """Where the form of the page leads afterwards; the language switch has a goal of its own."""
    return [str(field["value"]) for field in page.all("input") if field.get("name") == "next"][1:]


def test_rules_are_accepted_and_the_way_goes_on_to_where_it_led(alice: User) -> None:
    make_contest(rules=RULES)
    browser = signed_in(alice)
    door = browser.get("/contests/digits/data/train.csv")["Location"]
    assert door == "/contests/digits/join/?next=%2Fcontests%2Fdigits%2Fdata%2Ftrain.csv"
    page = read(browser, door)
    assert "<strong>kind</strong>" in page.html
    assert page.faults() == []
    refused = post(browser, "/contests/digits/join/", page, next=goal(page)[0])
    assert refused.status_code == 403
    assert "Accept the rules of this contest first." in Page(refused.content.decode()).text
    answer = post(browser, "/contests/digits/join/", page, next=goal(page)[0], accept_rules="on")
    assert answer["Location"] == "/contests/digits/data/train.csv"
    assert browser.get("/contests/digits/data/train.csv").status_code == 200


def test_nobody_is_sent_to_another_site(alice: User) -> None:
    make_contest(rules=RULES)
    for elsewhere in ("https://evil.example/", "//evil.example/", "javascript:alert(1)"):
        page = read(signed_in(alice), f"/contests/digits/join/?next={elsewhere}")
        assert goal(page) == []
    answer = post(signed_in(alice), "/contests/digits/join/", accept_rules="on", next="https://evil.example/")
    assert answer["Location"] == "/contests/digits/"


def test_a_visitor_signs_in_first_and_comes_back(db: None) -> None:
    make_contest(rules=RULES)
    for path in ("data/", "data/train.csv", "data.zip", "join/?code=abc"):
        answer = signed_in(None).get(f"/contests/digits/{path}")
        assert answer["Location"].startswith("/accounts/login/?next=/contests/digits/"), path
    assert answer["Location"] == "/accounts/login/?next=/contests/digits/join/%3Fcode%3Dabc"


def test_the_link_of_an_invitation_fills_in_its_code_and_joins_nobody_by_itself(alice: User) -> None:
    make_contest(registration="invite", invite_code="winter-7")
    browser = signed_in(alice)
    page = read(browser, "/contests/digits/join/?code=winter-7")
    assert hidden(page, "code") == "winter-7"
    assert not Participation.objects.exists()
    wrong = post(browser, "/contests/digits/join/", code="winter-8")
    assert wrong.status_code == 403
    assert "This is not the invitation code" in Page(wrong.content.decode()).text
    assert post(browser, "/contests/digits/join/", code="winter-7", name="Al").status_code == 302
    assert Team.objects.get().name == "Al"


def test_who_waits_or_was_refused_reads_so(alice: User) -> None:
    contest = make_contest(registration="approval")
    browser = signed_in(alice)
    assert "Ask to take part" in read(browser, "/contests/digits/join/").text
    post(browser, "/contests/digits/join/")
    page = read(browser, "/contests/digits/join/")
    assert "The organisers have not decided yet." in page.text
    assert page.faults() == []
    assert "waits for approval" in read(browser, "/contests/digits/").text
    joining.decide(Participation.objects.get(contest=contest), "refused")
    assert "have refused your request" in read(browser, "/contests/digits/join/").text
    page = read(browser, "/contests/digits/submit/")
    assert "have refused your request" in page.text
    assert not [field for field in page.all("input") if field.get("type") == "file"]


def test_an_address_that_is_not_confirmed_can_be_confirmed_from_here(alice: User, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    make_contest(registration="domain", email_domains="uni-a.edu")
    assert "Add an address" in read(signed_in(alice), "/contests/digits/join/").text
    EmailAddress.objects.create(user=alice, email="a@uni-a.edu", verified=False)
    page = read(signed_in(alice), "/contests/digits/join/")
    assert "a@uni-a.edu Send the mail" in page.text
    EmailAddress.objects.update(verified=True)
    assert post(signed_in(alice), "/contests/digits/join/").status_code == 302
    assert Participation.objects.get().state == "active"


def test_a_closed_contest_offers_no_form(alice: User) -> None:
    make_contest(registration="closed")
    page = read(signed_in(alice), "/contests/digits/join/")
    assert "Registration for this contest is closed" in page.text
    assert not [field for field in page.all("form") if field.get("action") == "/contests/digits/join/"]


def test_the_name_is_changed_on_the_page_and_the_board_moves(alice: User) -> None:
    contest = make_contest()
    make_submission(contest, alice, status="FINISHED", public_score=0.5)
    joining.join(make_user("bob"), contest, name="Bob")
    before = Board.objects.get(audience="public").version
    browser = signed_in(alice)
    page = read(browser, "/contests/digits/join/")
    taken = post(browser, "/contests/digits/name/", page, name="BOB")
    assert taken.status_code == 409
    assert "Somebody in this contest has this name" in Page(taken.content.decode()).text
    assert post(browser, "/contests/digits/name/", page, name="Queen").status_code == 302
    assert "Queen you" in read(browser, "/contests/digits/leaderboard/").text
    assert Board.objects.get(audience="public").version == before + 1


def test_a_pseudonym_is_told_to_its_bearer_and_the_username_to_nobody(bob: User) -> None:
    contest = make_contest(pseudonymous=True)
    user = make_user("zacharias", display_name="Zacharias Z.")
    joining.join(user, contest)
    make_submission(contest, user, status="FINISHED", public_score=0.5)
    name = Team.objects.get().name
    assert f"You appear as {name}" in read(signed_in(user), "/contests/digits/").text
    for path in ("/contests/digits/leaderboard/", "/api/v1/contests/digits/leaderboard/"):
        body = signed_in(bob).get(path).content.decode()
        assert name in body
        assert "zacharias" not in body.lower()
    organiser = make_user("organiser")
    contest.organisers.add(organiser)
    assert f"{name} zacharias" in read(signed_in(organiser), "/contests/digits/leaderboard/").text


ROLES = ("anonymous", "other", "pending", "refused", "outdated", "participant", "organiser")


def person(role: str, contest: Contest) -> User | None:
    if role == "anonymous":
        return None
    user = make_user(role)
    if role == "organiser":
        contest.organisers.add(user)
    elif role != "other":
        place = joining.join(user, contest, accept_rules=True)
        state = role if role in {"pending", "refused"} else "active"
        digest = "0" * 64 if role == "outdated" else place.rules_digest
        Participation.objects.filter(pk=place.pk).update(state=state, rules_digest=digest)
    return user


SEES_DATA = {"participant", "organiser"}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("path", ["data/", "data/train.csv", "data.zip"])
def test_data_with_rules_is_for_those_who_accepted_them(db: None, role: str, path: str) -> None:
    contest = make_contest(rules=RULES)
    answer = signed_in(person(role, contest)).get(f"/contests/digits/{path}")
    if role in SEES_DATA:
        assert answer.status_code == 200
    else:
        door = "/accounts/login/" if role == "anonymous" else "/contests/digits/join/"
        assert answer.status_code == 302
        assert answer["Location"].startswith(door)


@pytest.mark.parametrize("role", ROLES)
def test_the_api_keeps_the_same_door(db: None, role: str) -> None:
    contest = make_contest(rules=RULES)
    answer = signed_in(person(role, contest)).get("/api/v1/contests/digits/data/train.csv")
    refused = 401 if role == "anonymous" else 403
    assert answer.status_code == (200 if role in SEES_DATA else refused)


@pytest.mark.parametrize("role", ROLES)
def test_no_page_of_the_contest_gives_the_data_away(db: None, role: str) -> None:
    contest = make_contest(rules=RULES, files={"sample_submission.csv": b"id,target\nhidden-row,0\n"})
    browser = signed_in(person(role, contest))
    for section in ("", "rules/", "evaluation/", "limits/", "environment/", "starter/", "leaderboard/"):
        page = read(browser, f"/contests/digits/{section}")
        assert ("hidden-row" in page.text) == (section == "evaluation/" and role in SEES_DATA), section


@pytest.mark.parametrize("role", ROLES)
def test_only_who_takes_part_under_the_current_rules_hands_in(db: None, role: str) -> None:
    contest = make_contest(rules=RULES)
    user = person(role, contest)
    browser = signed_in(user)
    if user is None:
        assert browser.get("/contests/digits/submit/")["Location"].startswith("/accounts/login/")
        return
    page = read(browser, "/contests/digits/submit/")
    offered = any(field.get("type") == "file" for field in page.all("input"))
    assert offered == (role == "participant")
    # The server refuses, whatever the page offered.
    answer = browser.post(
        "/contests/digits/submit/",
        {
            "csrfmiddlewaretoken": hidden(page, "csrfmiddlewaretoken"),
            "task": "main",
            "file": SimpleUploadedFile("a.py", b"print(1)\n"),
        },
    )
    assert answer.status_code == (302 if role == "participant" else 403)
    assert Submission.objects.exists() == (role == "participant")


def test_rules_that_changed_while_they_were_read_are_shown_again(alice: User) -> None:
    contest = make_contest(rules=RULES)
    browser = signed_in(alice)
    page = read(browser, "/contests/digits/join/")
    Contest.objects.filter(pk=contest.pk).update(rules="Be **kinder**.")
    asked = {"accept_rules": "on", "rules_read": hidden(page, "rules_read")}
    refused = post(browser, "/contests/digits/join/", page, **asked)
    again = Page(refused.content.decode())
    assert refused.status_code == 403
    assert "<strong>kinder</strong>" in again.html
    assert "The rules have changed while you read them." in again.text
    asked["rules_read"] = hidden(again, "rules_read")
    assert post(browser, "/contests/digits/join/", again, **asked).status_code == 302
