"""Pages that take or give files count as the API does; who is over the limit is told when to come back."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import translation
from pytest_django.fixtures import Settings
from rest_framework.settings import api_settings

from accounts.models import User
from contests.models import Contest, Submission
from live import breaker
from rest import throttles
from tests.builders import PASSWORD, join, make_api_token, make_contest, make_submission, make_user
from tests.valkey import running_valkey

pytestmark = pytest.mark.django_db
CLASS = 200


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_valkey(tmp_path_factory.mktemp("v")) as url:
        yield url


@pytest.fixture
def counted(settings: Settings, broker: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The limits as they are, counted in a broker of this test's own; the minute does not end meanwhile."""
    settings.CACHES = {"default": {"BACKEND": "config.cache.ForgivingRedisCache", "LOCATION": broker}}
    monkeypatch.setattr(breaker.BROKER, "_closed_until", float("-inf"))
    monkeypatch.setattr(throttles, "WINDOW_S", 86_400 if time.time() % 86_400 < 80_000 else 7 * 86_400)
    cache.clear()
    return settings


@pytest.fixture
def few(counted: Settings) -> Settings:
    counted.API_RATES = counted.API_RATES | {"uploads": 2, "downloads": 2, "anonymous_downloads": 3}
    return counted


@pytest.fixture
def contest() -> Contest:
    return make_contest("digits", starters={"baseline.py": b"print(1)\n"})


@pytest.fixture
def alice() -> User:
    return make_user("alice")


@pytest.fixture
def submission(contest: Contest, alice: User) -> Submission:
    return make_submission(contest, alice, status="FINISHED", files={"submission.csv": b"id,target\n3,1\n"})


def of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def hand_in(client: Client) -> Any:
    file = io.BytesIO(b"print(1)\n")
    file.name = "a.py"
    return client.post("/contests/digits/submit/", {"file": file})


def test_the_page_to_hand_in_and_the_api_share_one_count(
    few: Settings, contest: Contest, alice: User
) -> None:
    client = of(alice)
    assert hand_in(client).status_code == 302
    token = {"authorization": f"Token {make_api_token(alice)}"}
    file = io.BytesIO(b"print(2)\n")
    file.name = "b.py"
    answer = Client().post("/api/v1/contests/digits/submissions/", {"file": file}, headers=token)
    assert answer.status_code == 201
    refused = hand_in(client)
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) >= 1
    assert Submission.objects.count() == 2
    assert client.get("/contests/digits/submit/").status_code == 200  # looking is free


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_who_is_over_the_limit_reads_why_in_their_language(
    few: Settings, contest: Contest, alice: User, language: str
) -> None:
    client = of(alice)
    for _ in range(2):
        client.get("/contests/digits/data/train.csv")
    answer = client.get("/contests/digits/data/train.csv", headers={"accept-language": language})
    assert answer.status_code == 429
    assert f'<html lang="{language}">' in answer.content.decode()
    with translation.override(language):
        assert translation.gettext("That was too much at once.") in answer.content.decode()


def downloads(submission: Submission) -> list[str]:
    own, api = f"/submissions/{submission.pk}", f"/api/v1/submissions/{submission.pk}"
    return [
        "/contests/digits/data/train.csv",
        "/contests/digits/data.zip",
        "/contests/digits/starter/baseline.py",
        f"{own}/source/",
        f"{own}/files/submission.csv",
        "/api/v1/contests/digits/data/train.csv",
        "/api/v1/contests/digits/data.zip",
        "/api/v1/contests/digits/starter/baseline.py",
        f"{api}/source",
        f"{api}/files/submission.csv",
    ]


def test_every_way_to_a_file_counts(few: Settings, submission: Submission, alice: User) -> None:
    client = of(alice)
    for path in downloads(submission):
        cache.clear()
        assert [client.get(path).status_code for _ in range(3)] == [200, 200, 429], path


def test_without_a_login_the_address_counts(few: Settings, contest: Contest) -> None:
    assert [Client().get("/contests/digits/data.zip").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert Client(REMOTE_ADDR="10.0.0.2").get("/contests/digits/data.zip").status_code == 200


def test_a_claimed_address_counts_only_behind_our_proxy(
    few: Settings, contest: Contest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def claiming(number: int) -> int:
        answer = Client().get("/contests/digits/data.zip", headers={"x-forwarded-for": f"10.0.0.{number}"})
        return answer.status_code

    assert [claiming(number) for number in range(4)] == [200, 200, 200, 429]
    monkeypatch.setattr(api_settings, "NUM_PROXIES", 1)
    assert [claiming(number) for number in range(4)] == [200] * 4


def test_an_organisers_forms_with_files_count(few: Settings, contest: Contest, alice: User) -> None:
    contest.organisers.add(alice)
    task = contest.phases.get().tasks.get()
    client = of(alice)
    form = f"/admin/contests/task/{task.pk}/change/"
    assert [client.post(form, {"x": "y"}).status_code for _ in range(3)] == [400, 400, 429]
    assert client.get(form).status_code == 200


def test_a_class_behind_one_address_can_work(counted: Settings, contest: Contest) -> None:
    """Two hundred people in one minute: each fetches three files without a login, then all hand in by their own."""
    paths = ("/contests/digits/data/train.csv", "/contests/digits/data/test.csv", "/contests/digits/data.zip")
    assert {Client().get(path).status_code for _ in range(CLASS) for path in paths} == {200}
    for number in range(CLASS):
        person = make_user(f"student-{number}")
        join(contest, person)
        if number % 20 == 0:
            assert hand_in(of(person)).status_code == 302


def test_a_class_behind_one_address_can_sign_in(counted: Settings) -> None:
    """The hasher takes a third of a second by design; here it is a fast one."""
    counted.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    made = [User.objects.create_user(f"student-{number}", password=PASSWORD) for number in range(CLASS)]
    for person in made:
        answer = Client().post("/accounts/login/", {"login": person.username, "password": PASSWORD})
        assert answer.status_code == 302, person.username


def test_a_class_behind_one_address_can_sign_up_and_mistype(counted: Settings) -> None:
    counted.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    for number in range(CLASS):
        given = {"username": f"student{number}", "password1": PASSWORD, "password2": PASSWORD}
        if number % 2:
            assert Client().post("/accounts/signup/", given | {"password2": "another"}).status_code == 200
        assert Client().post("/accounts/signup/", given).status_code == 302, number


def test_guessing_one_password_ends_soon(counted: Settings, alice: User) -> None:
    counted.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    alice.set_password(PASSWORD)
    alice.save()
    for _ in range(5):
        assert Client().post("/accounts/login/", {"login": "alice", "password": "guess"}).status_code == 200
    answer = Client().post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    assert answer.status_code == 200
    assert "Too many failed login attempts" in answer.content.decode()
    assert "_auth_user_id" not in answer.client.session


def test_too_many_logins_from_one_address_say_when_to_come_back(counted: Settings) -> None:
    counted.ACCOUNT_RATE_LIMITS = counted.ACCOUNT_RATE_LIMITS | {"login": "2/m/ip"}
    answers = [Client().post("/accounts/login/", {"login": "x", "password": "y"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2]["Retry-After"]) >= 1
    assert "That was too much at once." in answers[2].content.decode()


@pytest.mark.parametrize(
    ("proxied", "statuses"), [(False, [200, 200, 429, 429]), (True, [200, 200, 200, 429])]
)
def test_logins_are_counted_by_the_address_that_came_and_behind_our_proxy_by_the_one_it_saw(
    counted: Settings, *, proxied: bool, statuses: list[int]
) -> None:
    counted.ACCOUNT_RATE_LIMITS = counted.ACCOUNT_RATE_LIMITS | {"login": "2/m/ip"}
    counted.ALLAUTH_TRUSTED_PROXY_COUNT = int(proxied)
    given = {"login": "x", "password": "y"}
    answers = [
        Client()
        .post("/accounts/login/", given, headers={"x-forwarded-for": f"6.6.6.{n}, {seen}"})
        .status_code
        for n, seen in enumerate(("10.0.0.8", "10.0.0.8", "10.0.0.9", "10.0.0.8"))
    ]
    assert answers == statuses


def test_two_that_come_over_ipv4_to_a_server_for_both_families_are_two(counted: Settings) -> None:
    counted.ACCOUNT_RATE_LIMITS = counted.ACCOUNT_RATE_LIMITS | {"login": "1/m/ip"}
    given = {"login": "x", "password": "y"}
    answers = [
        Client().post("/accounts/login/", given, REMOTE_ADDR=f"::ffff:10.0.0.{n}").status_code
        for n in (1, 2, 1)
    ]
    assert answers == [200, 200, 429]


@pytest.mark.parametrize("action", ["login", "signup", "reset_password", "setup"])
def test_every_door_has_a_limit(settings: Settings, action: str) -> None:
    assert "/ip" in settings.ACCOUNT_RATE_LIMITS[action]
