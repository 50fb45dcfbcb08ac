"""`manage.py create_token`: prints a token that works, or says what to do."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from accounts import tokens
from accounts.models import ApiToken, User
from tests.builders import make_user

pytestmark = pytest.mark.django_db


def create(*arguments: str) -> str:
    out = io.StringIO()
    call_command("create_token", *arguments, stdout=out)
    return out.getvalue().strip()


def test_it_prints_a_token_of_the_user_and_keeps_only_its_digest() -> None:
    user = make_user("alice")
    token = create("alice")
    assert tokens.user_of(token) == user
    assert token not in str(list(ApiToken.objects.values()))


def test_an_unknown_user_is_named_and_the_way_out_is_said() -> None:
    with pytest.raises(CommandError, match="--create"):
        create("nobody-here")
    assert not User.objects.filter(username="nobody-here").exists()


def test_it_can_make_the_user_who_then_has_no_password() -> None:
    user = tokens.user_of(create("robot", "--create"))
    assert user is not None
    assert not user.has_usable_password()


def test_a_bad_user_name_is_refused_in_a_sentence() -> None:
    with pytest.raises(CommandError):
        create("no spaces allowed", "--create")


def test_a_token_of_an_inactive_user_does_not_work() -> None:
    user = make_user("gone")
    token = create("gone")
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert tokens.user_of(token) is None
