"""The profile page: one's name, address and API tokens."""

from __future__ import annotations

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from pytest_django.fixtures import Settings

from accounts import tokens
from accounts.models import ApiToken, User
from tests.builders import make_api_token
from tests.pages.reading import Page, read, signed_in

pytestmark = pytest.mark.django_db


def post(client: Client, path: str, fields: dict[str, str] | None = None, *, follow: bool = False) -> Any:
    """Send a form as a browser does, with the token of a page it has read."""
    client.get("/accounts/profile/")
    sent = (fields or {}) | {"csrfmiddlewaretoken": client.cookies["csrftoken"].value}
    return client.post(path, sent, follow=follow)


def change(user: User, **fields: str) -> Page:
    answer = post(signed_in(user), "/accounts/profile/", fields, follow=True)
    assert answer.status_code == 200
    return Page(answer.content.decode())


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_page_can_be_read_in_both_languages(alice: User, language: str) -> None:
    make_api_token(alice)
    assert read(signed_in(alice, language=language), "/accounts/profile/").faults() == []


def test_a_display_name_is_kept_and_shown(alice: User) -> None:
    page = change(alice, display_name="Alice L.", email="alice@example.org")
    assert "Your profile is saved." in page.text
    alice.refresh_from_db()
    assert alice.public_name == "Alice L."


def test_a_new_address_is_kept_without_being_called_confirmed(alice: User) -> None:
    EmailAddress.objects.create(user=alice, email="alice@example.org", primary=True, verified=True)
    change(alice, display_name="", email="alice@uni.example.edu")
    alice.refresh_from_db()
    assert alice.email == "alice@uni.example.edu"
    kept = EmailAddress.objects.get(user=alice)
    assert (kept.email, kept.verified, kept.primary) == ("alice@uni.example.edu", False, True)


def test_an_address_that_stays_stays_confirmed(alice: User) -> None:
    EmailAddress.objects.create(user=alice, email="alice@example.org", primary=True, verified=True)
    change(alice, display_name="Al", email="alice@example.org")
    assert EmailAddress.objects.get(user=alice).verified


def test_a_refused_form_changes_nothing_not_even_the_pages_own_head(alice: User) -> None:
    page = change(alice, display_name="x" * 61, email="alice@example.org")
    assert "at most 60 characters" in page.text
    assert "x" * 61 not in page.text
    alice.refresh_from_db()
    assert alice.display_name == ""


def test_where_mail_works_an_address_is_changed_by_confirming_it(alice: User, settings: Settings) -> None:
    settings.MAIL_WORKS = True
    change(alice, display_name="Al", email="somebody@else.example.org")
    alice.refresh_from_db()
    assert alice.email == "alice@example.org"
    assert "/accounts/email/" in read(signed_in(alice), "/accounts/profile/").html


def test_a_token_is_shown_once_and_works(alice: User) -> None:
    client = signed_in(alice)
    answer = post(client, "/accounts/tokens/", {"name": "laptop"})
    found = re.search(r"pod_[\w-]{40,}", answer.content.decode())
    assert found is not None
    assert "no-store" in answer["Cache-Control"]
    assert tokens.user_of(found[0]) == alice
    later = read(client, "/accounts/profile/")
    assert "laptop" in later.text
    assert found[0] not in later.html


def test_a_token_is_revoked_after_a_question(alice: User) -> None:
    token = make_api_token(alice)
    client = signed_in(alice)
    address = f"/accounts/tokens/{ApiToken.objects.get().pk}/revoke/"
    assert "cannot be undone" in read(client, address).text
    assert tokens.user_of(token) == alice
    assert post(client, address)["Location"] == "/accounts/profile/"
    assert tokens.user_of(token) is None


def test_nobody_revokes_or_sees_the_token_of_another(alice: User, bob: User) -> None:
    token = make_api_token(alice)
    address = f"/accounts/tokens/{ApiToken.objects.get().pk}/revoke/"
    assert signed_in(bob).get(address).status_code == 404
    assert post(signed_in(bob), address).status_code == 404
    assert tokens.user_of(token) == alice


def test_too_many_tokens_are_refused_in_a_sentence(alice: User) -> None:
    for _count in range(tokens.MOST_TOKENS):
        make_api_token(alice)
    answer = post(signed_in(alice), "/accounts/tokens/", {"name": "one more"})
    assert "revoke one" in answer.content.decode()
    assert ApiToken.objects.count() == tokens.MOST_TOKENS


@pytest.mark.parametrize("path", ["/accounts/profile/", "/accounts/tokens/1/revoke/"])
def test_a_visitor_is_asked_to_sign_in(client: Client, path: str) -> None:
    assert client.get(path)["Location"].startswith("/accounts/login/")
