"""`Authorization: Token …` for the public API."""

from __future__ import annotations

from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import tokens
from accounts.models import User


class ApiTokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, str] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != b"token":
            return None
        if len(words) != 2:  # noqa: PLR2004
            raise AuthenticationFailed(_("Write the header as: Authorization: Token YOUR_TOKEN"))
        user = tokens.user_of(words[1].decode("latin-1"))
        if user is None:
            raise AuthenticationFailed(_("This token is not known. Make a new one and use it whole."))
        return user, "token"

    def authenticate_header(self, request: Request) -> str:
        return "Token"
