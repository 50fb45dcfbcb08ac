"""The page on which a person joins a contest, accepts its rules, and chooses their name on the board."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import addresses
from accounts.models import User
from contests import joining, names, schedule
from contests.models import Contest, Participation

_FIELD_OF = {
    "invite": "code",
    "wrong_code": "code",
    "too_many_codes": "code",
    "rules": "accept_rules",
    "bad_name": "name",
    "name_taken": "name",
}


class JoinForm(forms.Form):
    """Asks only for what this contest wants of this person. It holds no rule: contests.joining decides."""

    code = forms.CharField(label=gettext_lazy("Invitation code"), max_length=200, required=False)
    name = forms.CharField(
        label=gettext_lazy("Name on the board"),
        max_length=names.MAX_NAME,
        required=False,
        help_text=gettext_lazy("Everybody sees it. Empty: your public name. You can change it later."),
    )
    accept_rules = forms.BooleanField(label=gettext_lazy("I accept these rules"), required=False)

    def __init__(
        self, contest: Contest, standing: joining.Standing, data: object = None, **given: Any
    ) -> None:
        super().__init__(data, **given)  # type: ignore[arg-type]
        if not standing.needs_code:
            del self.fields["code"]
        if not standing.needs_rules:
            del self.fields["accept_rules"]
        if contest.pseudonymous or standing.participation is not None:
            del self.fields["name"]
        for field in self.fields.values():
            check = isinstance(field.widget, forms.CheckboxInput)
            field.widget.attrs["class"] = "form-check-input" if check else "form-control"

    def show(self, refused: joining.NotAdmitted) -> None:
        """Put a refusal beside the field it is about, or above the form."""
        field = _FIELD_OF.get(refused.code)
        self.add_error(field if field in self.fields else None, refused.message)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, slug: str) -> HttpResponse:
    contest = get_object_or_404(Contest.objects.visible_to(request.user), slug=slug)
    standing = joining.standing(request.user, contest)
    if request.method != "POST":
        # The code of an invitation link is filled in; joining is still the person's own act.
        form = JoinForm(contest, standing, initial={"code": request.GET.get("code", "")[:200]})
        return _page(request, contest, form)
    form = JoinForm(contest, standing, request.POST)
    if not form.is_valid():
        return _page(request, contest, form, status=400)
    try:
        place = joining.join(
            _person(request),
            contest,
            code=form.cleaned_data.get("code", ""),
            accept_rules=form.cleaned_data.get("accept_rules", False),
            rules_read=request.POST.get("rules_read", ""),
            name=form.cleaned_data.get("name", ""),
        )
    except joining.NotAdmitted as refused:
        form.show(refused)
        return _page(request, contest, form, status=refused.status)
    if place.state == Participation.State.PENDING:
        messages.success(request, _("You have asked to take part. The organisers decide."))
        return redirect("contests:join", slug=slug)
    messages.success(request, _("You take part as “%(name)s”.") % {"name": place.team.name})
    return redirect(_next(request) or reverse("contests:contest", args=[slug]))


@login_required
@require_POST
def rename(request: HttpRequest, slug: str) -> HttpResponse:
    """Another name on the board."""
    contest = get_object_or_404(Contest.objects.visible_to(request.user), slug=slug)
    place = get_object_or_404(Participation, contest=contest, user=_person(request))
    try:
        joining.rename(place, request.POST.get("name", ""))
    except joining.NotAdmitted as refused:
        return _page(request, contest, None, status=refused.status, rename_error=refused.message)
    messages.success(request, _("You take part as “%(name)s”.") % {"name": place.team.name})
    return redirect("contests:join", slug=slug)


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - behind login_required; for the type checker
    return request.user


def _next(request: HttpRequest) -> str:
    """Where the person wanted to go: an address of this site, or ""."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    fits = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if fits else ""


def _page(
    request: HttpRequest,
    contest: Contest,
    form: JoinForm | None,
    *,
    status: int = 200,
    rename_error: str = "",
) -> HttpResponse:
    standing = joining.standing(request.user, contest)
    context = {
        "contest": contest,
        "section": "join",
        "schedule": schedule.of(contest.phases.all(), timezone.now()),
        "standing": standing,
        "form": form if form is not None else JoinForm(contest, standing),
        "rules_read": joining.rules_digest(contest),
        "next": _next(request),
        "rename_error": rename_error,
        "asks": contest.registration == Contest.Registration.APPROVAL
        or (standing.code == "domain" and standing.may_join),
        # Where a mail would settle it, the page offers to send one.
        "unconfirmed": addresses.unconfirmed(_person(request))
        if standing.code == "domain" and addresses.can_send_mail()
        else [],
    }
    return render(request, "contests/join.html", context, status=status)
