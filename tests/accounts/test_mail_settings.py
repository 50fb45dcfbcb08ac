"""PODIUM_EMAIL_URL as Django's mail settings."""

from __future__ import annotations

import pytest

from config.env import BadSetting
from config.mail import mail_settings

SENDER = "podium@example.org"


def test_without_an_address_no_mail_is_sent() -> None:
    assert mail_settings(None, "") == {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"}


def test_a_password_never_travels_in_the_clear() -> None:
    found = mail_settings("smtp://user:p%40ss@mail.example.org", SENDER)
    assert (found["EMAIL_HOST"], found["EMAIL_PORT"], found["EMAIL_USE_TLS"]) == (
        "mail.example.org",
        587,
        True,
    )
    assert (found["EMAIL_HOST_USER"], found["EMAIL_HOST_PASSWORD"]) == ("user", "p@ss")
    found = mail_settings("smtps://user:pass@mail.example.org", SENDER)
    assert (found["EMAIL_PORT"], found["EMAIL_USE_SSL"], found["EMAIL_USE_TLS"]) == (465, True, False)


def test_a_relay_on_this_machine_needs_neither_name_nor_tls() -> None:
    found = mail_settings("smtp://127.0.0.1:25", SENDER)
    assert (found["EMAIL_PORT"], found["EMAIL_USE_TLS"], found["EMAIL_HOST_USER"]) == (25, False, "")


@pytest.mark.parametrize(
    "url", ["mail.example.org", "http://mail.example.org", "smtp://", "smtp://host:port"]
)
def test_what_is_no_mail_server_is_refused_without_repeating_a_password(url: str) -> None:
    with pytest.raises(BadSetting, match="must be like smtp://"):
        mail_settings(url, SENDER)


def test_the_senders_address_is_asked_for() -> None:
    with pytest.raises(BadSetting, match="PODIUM_EMAIL_FROM"):
        mail_settings("smtp://127.0.0.1:25", "")


@pytest.mark.parametrize("url", [None, "", "none"])
def test_a_site_without_mail_may_say_so(url: str | None) -> None:
    assert mail_settings(url, "") == {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"}
