"""What choosing a new password takes back, beside the sessions that Django ends by itself.

Who changes their password while signed in decides about their API tokens: they may run in a cluster's jobs. Who chose
one by a link, or was given one by an administrator, had lost the account or its password: its tokens are revoked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from allauth.account.forms import ChangePasswordForm, ResetPasswordKeyForm
from django import forms
from django.contrib.auth.forms import AdminPasswordChangeForm
from django.utils.translation import gettext_lazy as _

from accounts import tokens
from accounts.models import User

if TYPE_CHECKING:
    AdminForm = AdminPasswordChangeForm[User]
else:
    AdminForm = AdminPasswordChangeForm


class OwnPasswordForm(ChangePasswordForm):  # type: ignore[misc] # allauth has no types
    revoke_tokens = forms.BooleanField(
        label=_("Revoke my API tokens, too"),
        required=False,
        help_text=_(
            "All other sessions end in any case. Do this if somebody else may have known your password."
        ),
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        if not tokens.of(self.user).exists():
            del self.fields["revoke_tokens"]

    def save(self) -> None:
        super().save()
        if self.cleaned_data.get("revoke_tokens"):
            tokens.revoke_all(self.user)


class PasswordByLinkForm(ResetPasswordKeyForm):  # type: ignore[misc] # allauth has no types
    def save(self) -> None:
        super().save()
        tokens.revoke_all(self.user)


class PasswordByAdministratorForm(AdminForm):
    def save(self, commit: bool = True) -> User:  # noqa: FBT001, FBT002 - as Django calls it
        user = super().save(commit=commit)
        tokens.revoke_all(user)
        return user
