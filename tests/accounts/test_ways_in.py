"""Signing up, and getting back in without a password: with mail and without."""

from __future__ import annotations

import io

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django.fixtures import Settings

from accounts import reset_links
from accounts.models import User
from tests.pages.reading import Page, read, signed_in

pytestmark = pytest.mark.django_db
NEW = "a quite different walk"


def choose_password(path: str, client: Client) -> Page:
    """Follow a reset link and choose NEW; the page at the end."""
    form = client.get(path, follow=True)
    action = str(form.redirect_chain[-1][0]) if form.redirect_chain else path
    answer = client.post(action, {"password1": NEW, "password2": NEW}, follow=True)
    return Page(answer.content.decode())


def test_a_link_from_the_operator_gives_a_new_password_once(alice: User) -> None:
    path = reset_links.path_for(alice)
    choose_password(path, Client())
    alice.refresh_from_db()
    assert alice.check_password(NEW)
    assert "Bad Token" in Page(Client().get(path, follow=True).content.decode()).text


def test_the_command_prints_the_link_with_the_sites_address(alice: User, settings: Settings) -> None:
    settings.SITE = "https://contest.example.edu"
    out = io.StringIO()
    call_command("reset_password_link", "alice", stdout=out)
    address = out.getvalue().strip()
    assert address.startswith("https://contest.example.edu/accounts/password/reset/key/")
    choose_password(address.removeprefix("https://contest.example.edu"), Client())
    alice.refresh_from_db()
    assert alice.check_password(NEW)


def test_the_command_says_when_there_is_nobody_or_nobody_active(alice: User) -> None:
    with pytest.raises(CommandError, match="no user 'nobody'"):
        call_command("reset_password_link", "nobody")
    User.objects.update(is_active=False)
    with pytest.raises(CommandError, match="not active"):
        call_command("reset_password_link", "alice")


def test_an_administrator_makes_the_link_in_the_admin(alice: User) -> None:
    admin = User.objects.create(username="head", is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    chosen = {"action": "make_reset_links", "_selected_action": [alice.pk]}
    page = Page(client.post("/admin/accounts/user/", chosen, follow=True).content.decode())
    address = next(word for word in page.text.split() if "/password/reset/key/" in word)
    choose_password(address.removeprefix("http://testserver"), Client())
    alice.refresh_from_db()
    assert alice.check_password(NEW)


def test_a_site_without_mail_says_whom_to_ask(client: Client) -> None:
    page = read(client, "/accounts/password/reset/")
    assert "sends no mail" in page.text
    assert page.faults() == []
    assert client.post("/accounts/password/reset/", {"email": "alice@example.org"}).status_code == 200
    assert mail.outbox == []


def test_a_site_without_mail_has_the_address_on_the_profile(alice: User) -> None:
    assert signed_in(alice).get("/accounts/email/")["Location"] == "/accounts/profile/"


def test_a_site_with_mail_sends_the_link(alice: User, client: Client, settings: Settings) -> None:
    settings.MAIL_WORKS = True
    client.post("/accounts/password/reset/", {"email": "alice@example.org"})
    (letter,) = mail.outbox
    assert letter.subject.startswith("Podium: ")
    address = next(word for word in str(letter.body).split() if word.startswith("http"))
    choose_password(address.removeprefix("http://testserver"), client)
    alice.refresh_from_db()
    assert alice.check_password(NEW)


def test_the_link_leads_to_the_site_whatever_host_was_asked(
    alice: User, client: Client, settings: Settings
) -> None:
    settings.MAIL_WORKS, settings.PUBLIC_URL = True, "https://contest.example.edu"
    settings.ALLOWED_HOSTS = ["contest.example.edu", "127.0.0.1", "testserver"]
    for host in ("contest.example.edu:31337", "127.0.0.1:6666"):
        asked = {"email": "alice@example.org"}
        client.post("/accounts/password/reset/", asked, headers={"host": host})
        links = [word for word in str(mail.outbox.pop().body).split() if word.startswith("http")]
        assert links[0].startswith("https://contest.example.edu/accounts/password/reset/key/"), host
        assert host not in " ".join(links)
    choose_password(links[0].removeprefix("https://contest.example.edu"), Client())
    alice.refresh_from_db()
    assert alice.check_password(NEW)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_site_with_mail_has_pages_for_addresses_and_forgotten_passwords(
    alice: User, settings: Settings, language: str
) -> None:
    settings.MAIL_WORKS = True
    EmailAddress.objects.create(user=alice, email="alice@example.org", primary=True, verified=True)
    EmailAddress.objects.create(user=alice, email="alice@uni.example.edu", verified=False)
    page = read(signed_in(alice, language=language), "/accounts/email/")
    assert "alice@uni.example.edu" in page.text
    assert page.faults() == []
    assert read(signed_in(None, language=language), "/accounts/password/reset/").faults() == []


def test_sign_up_can_be_closed(client: Client, settings: Settings) -> None:
    settings.SIGNUP_OPEN = False
    page = read(client, "/accounts/signup/")
    assert "closed" in page.text
    client.post("/accounts/signup/", {"username": "eve", "password1": NEW, "password2": NEW})
    assert not User.objects.exists()
    assert "/accounts/signup/" not in read(client, "/").html


def test_a_class_behind_one_address_may_sign_up_in_the_same_minute(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher"
    ]  # thirty slow ones take a while
    for number in range(30):
        answer = Client().post(
            "/accounts/signup/", {"username": f"student{number}", "password1": NEW, "password2": NEW}
        )
        assert answer.status_code == 302, number
    assert User.objects.count() == 30


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_an_empty_site_tells_an_administrator_what_to_do_next(language: str) -> None:
    admin = User.objects.create(username="head", is_staff=True, is_superuser=True)
    page = read(signed_in(admin, language=language), "/")
    assert "/admin/contests/contest/add/" in page.html
    assert "/admin/contests/contest/add/" not in read(Client(), "/").html
