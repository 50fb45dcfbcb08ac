"""The account pages that allauth does not have: the profile with its tokens, the first administrator, no mail."""

from __future__ import annotations

from typing import cast

from allauth.account import views as allauth_views
from allauth.core import ratelimit
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import first_admin, tokens
from accounts import profile as profiles
from accounts.forms import FirstAdminForm, ProfileForm, TokenForm
from accounts.models import ApiToken, User

BACKEND = "django.contrib.auth.backends.ModelBackend"


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def setup(request: HttpRequest) -> HttpResponseBase:
    """The first administrator, for whoever holds the operator's one-time link."""
    limited = ratelimit.consume_or_429(request, action="setup")
    if limited is not None:
        return cast("HttpResponse", limited)
    token = request.POST.get("token") or request.GET.get("token", "")
    if not first_admin.is_good(token, settings.SETUP_TOKEN_FILE):
        return render(
            request, "accounts/setup_closed.html", {"admin_is_there": first_admin.is_there()}, status=404
        )
    form = FirstAdminForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        given = form.cleaned_data
        try:
            user = first_admin.create(
                token=token,
                kept_in=settings.SETUP_TOKEN_FILE,
                username=given["username"],
                password=given["password1"],
            )
        except first_admin.TooLate:
            raise Http404 from None
        login(request, user, backend=BACKEND)
        messages.success(request, _("You are the administrator of this site."))
        return redirect("contests:home")
    return render(request, "accounts/setup.html", {"form": form, "token": token})


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    user = _person(request)
    given = request.POST if request.method == "POST" else None
    # A copy: a refused form must not rename the person in the page's own head.
    form = ProfileForm(given, instance=User.objects.get(pk=user.pk), with_email=not settings.MAIL_WORKS)
    if form.is_valid():
        changed = form.cleaned_data
        profiles.change(user, display_name=changed["display_name"], email=changed.get("email"))
        messages.success(request, _("Your profile is saved."))
        return redirect("accounts:profile")
    return _profile_page(request, form=form)


@never_cache
@login_required
@require_POST
def new_token(request: HttpRequest) -> HttpResponse:
    """Make a token and show it, this once: it is kept nowhere, so it is no redirect either."""
    user = _person(request)
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _profile_page(request, token_form=form)
    given = form.cleaned_data
    try:
        token = tokens.create_api_token(user=user, name=given["name"], days=given["days"])
    except tokens.TooMany as error:
        form.add_error(None, str(error))
        return _profile_page(request, token_form=form)
    return _profile_page(request, token=token)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def revoke_token(request: HttpRequest, token_id: int) -> HttpResponse:
    user = _person(request)
    if request.method == "POST":
        if not tokens.revoke(user=user, token_id=token_id):
            raise Http404
        messages.success(request, _("The token is revoked: whoever has it is nobody from now on."))
        return redirect("accounts:profile")
    token = get_object_or_404(ApiToken, pk=token_id, user=user)
    return render(request, "accounts/revoke.html", {"token": token})


def password_reset(request: HttpRequest) -> HttpResponseBase:
    """The page of allauth, or, on a site without mail, whom to ask."""
    if settings.MAIL_WORKS:
        return cast("HttpResponse", allauth_views.password_reset(request))
    return render(request, "accounts/no_mail.html")


def email(request: HttpRequest) -> HttpResponseBase:
    """The page of addresses and their confirmation, which needs mail; else the profile has the one address."""
    if settings.MAIL_WORKS:
        return cast("HttpResponse", allauth_views.email(request))
    return redirect("accounts:profile")


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - for the type checker: login_required
    return request.user


def _profile_page(
    request: HttpRequest,
    *,
    form: ProfileForm | None = None,
    token_form: TokenForm | None = None,
    token: str = "",
) -> HttpResponse:
    user = _person(request)
    context = {
        "form": form or ProfileForm(instance=user, with_email=not settings.MAIL_WORKS),
        "token_form": token_form or TokenForm(),
        "tokens": tokens.of(user),
        "fresh_token": token,
    }
    return render(request, "accounts/profile.html", context)
