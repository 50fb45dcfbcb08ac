"""Who asks the public API: the bearer of a token, or the person of a browser's session."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.authentication import (
    BaseAuthentication,
    CSRFCheck,
    SessionAuthentication,
    get_authorization_header,
)
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from accounts import tokens
from accounts.models import ApiToken, User


class ApiTokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != b"token":
            return None
        if len(words) != 2:  # noqa: PLR2004
            raise AuthenticationFailed(_("Write the header as: Authorization: Token YOUR_TOKEN"))
        token = tokens.recognised(words[1].decode("latin-1"))
        if token is None:
            raise AuthenticationFailed(
                _("This token is not known or has expired. Make a new one and use it whole.")
            )
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Token"


class ApiSessionAuthentication(SessionAuthentication):
    """The session of the site's own pages, which must show its CSRF token with whatever changes something."""

    def enforce_csrf(self, request: Request) -> None:
        check = CSRFCheck(lambda _request: HttpResponse())
        check.process_request(request)
        if check.process_view(request, None, (), {}):  # type: ignore[arg-type]
            raise PermissionDenied(
                _("A session needs the header X-CSRFToken with the value of the cookie “csrftoken”."), "csrf"
            )


def token_of(request: Request) -> ApiToken | None:
    """The token by which was asked; None of a browser's session."""
    return request.auth if isinstance(request.auth, ApiToken) else None


def person(request: Request) -> User:
    """Who asks, behind a permission that lets nobody else through."""
    assert isinstance(request.user, User)  # noqa: S101 - for the type checker
    return request.user
