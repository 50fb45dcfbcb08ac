"""The forms of the account pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.contrib.auth.forms import BaseUserCreationForm
from django.utils.translation import gettext_lazy as _

from accounts import tokens
from accounts.models import ApiToken, User

if TYPE_CHECKING:
    NewUserForm = BaseUserCreationForm[User]
    ProfileOfUser = forms.ModelForm[User]
    NewToken = forms.ModelForm[ApiToken]
else:
    NewUserForm = BaseUserCreationForm
    ProfileOfUser = NewToken = forms.ModelForm


class FirstAdminForm(NewUserForm):
    """Name and password of the first administrator."""

    class Meta:
        model = User
        fields = ("username",)


class ProfileForm(ProfileOfUser):
    class Meta:
        model = User
        fields = ("display_name", "email")
        help_texts = {
            "display_name": _("What others read beside your work. Empty: your user name."),
            "email": _(
                "Only the administrators of this site see it. It is not confirmed, as this site sends no mail."
            ),
        }

    def __init__(self, *args: object, with_email: bool, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type] # handed on as it came
        if not with_email:
            del self.fields["email"]


class TokenForm(NewToken):
    days = forms.TypedChoiceField(
        label=_("Valid for"),
        choices=[(30, _("30 days")), (90, _("90 days")), (365, _("a year")), (0, _("until it is revoked"))],
        coerce=int,
        initial=tokens.USUAL_DAYS,
        empty_value=None,
        required=False,
    )

    def clean_days(self) -> int | None:
        """None: until it is revoked, which has to be said."""
        given = self.cleaned_data["days"]
        return tokens.USUAL_DAYS if given is None else given or None

    class Meta:
        model = ApiToken
        fields = ("name",)
        labels = {"name": _("What it is for")}
        help_texts = {"name": _("For your own list, for example: laptop")}
