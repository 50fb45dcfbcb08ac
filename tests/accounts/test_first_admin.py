"""The first administrator: by a one-time link, never by a default password."""

from __future__ import annotations

import concurrent.futures
import re
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from pytest_django.fixtures import Settings

from accounts import first_admin
from accounts.models import User
from tests.builders import make_user
from tests.pages.reading import Page

GOOD = {"username": "head", "password1": "a long walk home", "password2": "a long walk home"}


@pytest.fixture
def kept_in(tmp_path: Path, settings: Settings) -> Path:
    settings.SETUP_TOKEN_FILE = tmp_path / "secrets" / "setup_token"
    found = settings.SETUP_TOKEN_FILE
    assert isinstance(found, Path)
    return found


def token_of(path: str) -> str:
    return path.partition("token=")[2]


@pytest.mark.django_db
def test_the_link_makes_an_administrator_who_is_signed_in(kept_in: Path, client: Client) -> None:
    path = first_admin.offer(kept_in)
    page = Page(client.get(path).content.decode())
    assert page.faults() == []
    assert "password" in page.text
    answer = client.post("/setup/", GOOD | {"token": token_of(path)})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    user = User.objects.get()
    assert (user.username, user.is_superuser, user.is_staff) == ("head", True, True)
    assert user.check_password(GOOD["password1"])
    assert client.get("/admin/").status_code == 200


@pytest.mark.django_db
def test_it_works_once(kept_in: Path, client: Client) -> None:
    path = first_admin.offer(kept_in)
    client.post("/setup/", GOOD | {"token": token_of(path)})
    again = Client().post("/setup/", GOOD | {"username": "second", "token": token_of(path)})
    assert again.status_code == 404
    assert User.objects.count() == 1
    assert not kept_in.exists()
    assert first_admin.offer(kept_in) == ""


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["", "guess", "setup_" + "x" * 43, "é"])
def test_a_wrong_token_opens_nothing(kept_in: Path, client: Client, token: str) -> None:
    first_admin.offer(kept_in)
    assert client.get("/setup/", {"token": token}).status_code == 404
    assert client.post("/setup/", GOOD | {"token": token}).status_code == 404
    assert not User.objects.exists()


@pytest.mark.django_db
def test_without_a_token_file_nothing_is_open(kept_in: Path, client: Client) -> None:
    assert client.post("/setup/", GOOD | {"token": ""}).status_code == 404
    assert not User.objects.exists()


@pytest.mark.django_db
def test_a_site_with_an_administrator_offers_nothing_and_takes_an_old_token_away(
    kept_in: Path, client: Client
) -> None:
    path = first_admin.offer(kept_in)
    make_user("root", staff=True)
    assert client.get(path).status_code == 404
    assert first_admin.offer(kept_in) == ""
    assert not kept_in.exists()


@pytest.mark.django_db
def test_the_token_is_private_and_stays_until_it_is_used(kept_in: Path) -> None:
    assert first_admin.offer(kept_in) == first_admin.offer(kept_in)
    assert kept_in.stat().st_mode & 0o077 == 0


@pytest.mark.django_db
def test_a_weak_password_is_refused_and_the_link_still_works(kept_in: Path, client: Client) -> None:
    path = first_admin.offer(kept_in)
    answer = client.post(
        "/setup/", {"username": "head", "password1": "12345", "password2": "12345", "token": token_of(path)}
    )
    assert answer.status_code == 200
    assert re.search("too short|too common", answer.content.decode())
    assert not User.objects.exists()
    assert client.get(path).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_of_two_at_the_same_moment_one_is_first(kept_in: Path) -> None:
    token = token_of(first_admin.offer(kept_in))

    def attempt(name: str) -> bool:
        try:
            first_admin.create(token=token, kept_in=kept_in, username=name, password=GOOD["password1"])
        except first_admin.TooLate:
            return False
        finally:
            connection.close()
        return True

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(attempt, ["a1", "b2", "c3", "d4"]))
    assert sorted(outcomes) == [False, False, False, True]
    assert User.objects.filter(is_superuser=True).count() == 1
