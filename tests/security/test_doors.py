"""Signing in and out, where one is led afterwards, and what a form or a program may not slip in."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth import hashers
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts import reset_links
from accounts.models import User
from contests.models import Contest, Participation, Submission
from tests.builders import (
    PASSWORD,
    make_api_token,
    make_contest,
    make_starter,
    make_submission,
    make_user,
    phase_of,
    task_version_of,
)
from tests.security.site_of_roles import Site
from tests.security.test_access_matrix import table

pytestmark = pytest.mark.django_db
ELSEWHERE = (
    "https://evil.example/",
    "//evil.example/",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "http://testserver@evil.example/",
    "/\t/evil.example",
    "data:text/html,x",
)


@pytest.fixture
def alice() -> User:
    return make_user("alice")


def of(user: User, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def leads_away(location: str) -> bool:
    return not location.startswith("/") or location.startswith(("//", "/\\", "/\t"))


@pytest.mark.parametrize("target", ELSEWHERE)
def test_nobody_is_led_to_another_site(alice: User, target: str) -> None:
    contest = make_contest()
    asked = [
        Client().post("/accounts/login/", {"login": "alice", "password": PASSWORD, "next": target}),
        of(alice).get("/accounts/login/", {"next": target}),
        of(alice).post("/accounts/logout/", {"next": target}),
        Client().post("/i18n/setlang/", {"language": "en", "next": target}, headers={"referer": target}),
        of(alice).post(f"/contests/{contest.slug}/join/", {"next": target}),
        Client().get("/admin/login/", {"next": target}),
        of(make_user("root", staff=True)).get("/admin/login/", {"next": target}),
    ]
    for answer in asked:
        if answer.status_code == 302:
            assert not leads_away(answer["Location"]), answer["Location"]


def test_after_the_administrations_door_one_stays_here() -> None:
    """The address that was wanted travels as a parameter of the login page, which checks it."""
    answer = Client().get("/admin/login/", {"next": "https://evil.example/"})
    root = make_user("root", staff=True)
    done = Client().post(answer["Location"], {"login": root.username, "password": PASSWORD})
    assert done.status_code == 302
    assert not leads_away(done["Location"])


def test_a_session_gets_a_new_key_when_somebody_signs_in(alice: User) -> None:
    """A key that somebody else has put into the browser before is worth nothing afterwards."""
    client = Client()
    session = client.session
    session["planted"] = True
    session.save()
    client.cookies["sessionid"] = planted = str(session.session_key)
    client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    assert client.cookies["sessionid"].value != planted
    assert client.get("/accounts/profile/").status_code == 200
    other = Client()
    other.cookies["sessionid"] = planted
    assert other.get("/accounts/profile/").status_code == 302


def test_signing_out_takes_a_post_and_ends_the_session(alice: User) -> None:
    client = of(alice)
    key = client.cookies["sessionid"].value
    client.get("/accounts/logout/")
    assert client.get("/accounts/profile/").status_code == 200
    client.post("/accounts/logout/")
    stolen = Client()
    stolen.cookies["sessionid"] = key
    assert stolen.get("/accounts/profile/").status_code == 302


def test_every_form_wants_its_token(site: Site) -> None:
    """Each address that takes a POST, asked by a browser that shows its session and no token: refused."""
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(site.people["root"], backend="django.contrib.auth.backends.ModelBackend")
    # A program's address wants its own token, no browser has it; setting the language of one's own pages is a form.
    for row in table():
        if row.method == "GET" or row.route.startswith("/runner/v1/") or row.cells[0][-1] != "+":
            continue
        address = site.shown.address(row.route)
        answers = [
            strict.generic(row.method, address, body, content_type=kind)
            for body, kind in (("{}", "application/json"), ("", "multipart/form-data; boundary=x"))
        ]
        # One of the two may be a type of body that is not taken at all.
        assert {403} <= {answer.status_code for answer in answers} <= {403, 415}, (row.method, address)


def test_a_login_says_the_same_of_a_wrong_password_and_of_nobody(alice: User) -> None:
    def said(name: str) -> str:
        answer = Client().post("/accounts/login/", {"login": name, "password": "wrong-password"})
        assert answer.status_code == 200
        return answer.content.decode().replace(name, "NAME").split("<main")[1].split("csrfmiddlewaretoken")[0]

    assert said("alice") == said("nobody")


def test_nobody_costs_the_hasher_what_somebody_does(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the time that an answer takes would say who has an account."""
    counted = {"alice": 0, "nobody": 0}
    for name in counted:
        real = hashers.PBKDF2PasswordHasher.encode

        def encode(self: Any, *args: Any, real: Any = real, name: str = name, **more: Any) -> str:
            counted[name] += 1
            return str(real(self, *args, **more))

        monkeypatch.setattr(hashers.PBKDF2PasswordHasher, "encode", encode)
        Client().post("/accounts/login/", {"login": name, "password": "wrong-password"})
        monkeypatch.setattr(hashers.PBKDF2PasswordHasher, "encode", real)
    assert counted["alice"] == counted["nobody"] > 0


def test_asking_for_a_new_password_says_the_same_of_everybody(alice: User, settings: Settings) -> None:
    settings.MAIL_WORKS = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    answers = [
        Client().post("/accounts/password/reset/", {"email": address})
        for address in ("alice@example.org", "nobody@example.org")
    ]
    assert {(answer.status_code, answer["Location"]) for answer in answers} == {
        (302, "/accounts/password/reset/done/")
    }
    assert all("evil.example" not in message.body for message in mail.outbox)


def test_a_reset_link_works_once_and_its_page_hides_the_key(alice: User) -> None:
    path = reset_links.path_for(alice)
    client = Client()
    form = client.get(path)["Location"]
    assert path.rsplit("-", 1)[1].strip("/") not in form
    fresh = "a-quite-different-phrase"
    assert client.post(form, {"password1": fresh, "password2": fresh}).status_code == 302
    again = Client().get(path)
    assert again.status_code == 200  # the page that says that the link is spent
    assert 'name="password1"' not in again.content.decode()


def api(user: User, method: str, path: str, body: dict[str, Any]) -> Any:
    headers = {"authorization": f"Token {make_api_token(user)}"}
    return getattr(Client(), method)(
        f"/api/v1/{path}", body, content_type="application/json", headers=headers
    )


def test_nobody_gives_themselves_rights(alice: User) -> None:
    wanted = {
        "is_staff": True,
        "is_superuser": True,
        "is_organiser": True,
        "username": "root",
        "id": 1,
        "is_active": False,
    }
    assert api(alice, "patch", "me/", wanted).status_code == 200
    of(alice).post("/accounts/profile/", {"display_name": "A", "email": "", **wanted})
    alice.refresh_from_db()
    assert (alice.is_staff, alice.is_superuser, alice.username, alice.is_active) == (
        False,
        False,
        "alice",
        True,
    )
    signup = {
        "username": "carol",
        "password1": PASSWORD,
        "password2": PASSWORD,
        "is_staff": "on",
        "is_superuser": "on",
    }
    Client().post("/accounts/signup/", signup)
    assert not User.objects.filter(username="carol", is_staff=True).exists()
    assert User.objects.filter(username="carol").exists()


def test_an_organiser_publishes_by_the_checklist_and_not_by_a_field(alice: User) -> None:
    contest = make_contest("draft", published=False)
    contest.organisers.add(alice)
    answer = api(
        alice,
        "patch",
        "contests/draft/",
        {"title": "New", "published": True, "slug": "x"},
    )
    assert answer.status_code == 200
    assert api(alice, "patch", "contests/draft/", {"queue_weight": 99}).status_code == 403
    contest.refresh_from_db()
    assert (contest.title, contest.published, contest.slug, contest.queue_weight) == (
        "New",
        False,
        "draft",
        1,
    )


def test_what_is_handed_in_carries_no_verdict_of_its_own(alice: User) -> None:
    contest = make_contest()
    data = {
        "file": _file(),
        "status": "FINISHED",
        "verdict": "SCORED",
        "public_score": "1",
        "trial": "true",
        "user": "1",
    }
    headers = {"authorization": f"Token {make_api_token(alice)}"}
    answer = Client().post("/api/v1/contests/digits/submissions/", data, headers=headers)
    assert answer.status_code == 201
    made = Submission.objects.get(contest=contest)
    assert (made.status, made.verdict, made.public_score, made.trial, made.user) == (
        "QUEUED",
        "",
        None,
        False,
        alice,
    )


def _file() -> Any:
    return SimpleUploadedFile("a.py", b"print(1)\n")


def test_one_contests_address_opens_nothing_of_another(alice: User) -> None:
    """An organiser of both a's and b's pieces: the pieces are found under their own contest alone."""
    mine, other = make_contest("mine"), make_contest("other")
    mine.organisers.add(alice)
    bob = make_user("bob")
    make_submission(other, bob)
    make_starter(other, "theirs.py")
    version, place = task_version_of(other), Participation.objects.get(contest=other)
    addresses = [
        ("get", f"tasks/{version.task_id}/"),
        ("patch", f"tasks/{version.task_id}/"),
        ("delete", f"tasks/{version.task_id}/"),
        ("post", f"tasks/{version.task_id}/activate/"),
        ("post", f"tasks/{version.task_id}/check/"),
        ("delete", f"tasks/{version.task_id}/files/train.csv"),
        ("delete", f"tasks/{version.task_id}/hidden-files/train.csv"),
        ("patch", f"phases/{phase_of(other).pk}/"),
        ("delete", f"phases/{phase_of(other).pk}/"),
        ("post", f"phases/{phase_of(other).pk}/rejudge/"),
        ("patch", f"participants/{place.pk}/"),
        ("get", "starter/theirs.py"),
    ]
    for method, path in addresses:
        assert api(alice, method, f"contests/mine/{path}", {}).status_code == 404, path


SECRET_ORDER = (
    "private_score",
    "-private_score",
    "submission__private_score",
    "contest__invite_code",
    "user__password",
)


@pytest.mark.parametrize("order", SECRET_ORDER)
def test_no_list_is_sorted_by_what_its_reader_may_not_see(alice: User, order: str) -> None:
    contest = make_contest()
    for score in (0.1, 0.9, 0.5):
        make_submission(contest, alice, status="FINISHED", public_score=0.5, private_score=score)
    headers = {"authorization": f"Token {make_api_token(alice)}"}
    for path in ("submissions/", "contests/digits/submissions/", "contests/"):
        answer = Client().get(f"/api/v1/{path}", {"ordering": order}, headers=headers)
        assert answer.status_code == 400, path
    plain = Client().get("/api/v1/submissions/", headers=headers).json()["results"]
    asked = Client().get(
        "/api/v1/submissions/", {"private_score": "0.9", "private_score__gt": "0.5"}, headers=headers
    )
    assert asked.json()["results"] == plain  # an unknown parameter filters nothing


def test_the_page_of_lists_is_not_sorted_by_private_scores_either(alice: User) -> None:
    contest = make_contest()
    for score in (0.1, 0.9):
        make_submission(contest, alice, status="FINISHED", public_score=0.5, private_score=score)
    client = of(alice)
    plain = client.get("/submissions/").content.decode().split("<main")[1]
    sorted_ = (
        client.get("/submissions/?o=private_score&ordering=private_score").content.decode().split("<main")[1]
    )
    assert [part for part in plain.split('"') if part.startswith("/submissions/")] == [
        part for part in sorted_.split('"') if part.startswith("/submissions/")
    ]


def test_the_administration_sorts_and_filters_by_what_it_shows_alone() -> None:
    """Django lets a list be filtered by any field in the address, unless it is forbidden."""
    organiser = make_user("organiser")
    contest = make_contest()
    contest.organisers.add(organiser)
    make_submission(contest, make_user("bob"), status="FINISHED")
    client = of(organiser)
    for query in (
        "user__password__startswith=pbkdf2",
        "user__email__startswith=bob",
        "user__api_tokens__digest__startswith=a",
        "contest__invite_code__startswith=a",
    ):
        answer = client.get(f"/admin/contests/submission/?{query}")
        assert answer.status_code in {302, 400}, query


def test_before_its_start_a_contest_gives_nothing_away(alice: User) -> None:
    later = make_contest("later", starts_at=timezone.now() + dt.timedelta(days=1))
    assert Contest.objects.filter(pk=later.pk, published=True).exists()
    for path in ("data/train.csv", "data.zip"):
        assert of(alice).get(f"/contests/later/{path}").status_code == 404
        assert api(alice, "get", f"contests/later/{path}", {}).status_code == 404
