"""The forms of a contest's page: words, who may take part, who organises, and its phases."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.admin import widgets
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from contests import organising
from contests.models import Contest, Phase

if TYPE_CHECKING:
    ContestModelForm = forms.ModelForm[Contest]
    PhaseModelForm = forms.ModelForm[Phase]
else:
    ContestModelForm = PhaseModelForm = forms.ModelForm

_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_LONG = ("description", "evaluation", "data_description", "rules")


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(re.split(r"[\s,;，；]+", text.strip()))) if text.strip() else []


class ContestForm(ContestModelForm):
    """Organisers are named by username: a list to choose from would tell everybody who has an account here."""

    organiser_names = forms.CharField(
        label=_("Organisers"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "cols": 60}),
        help_text=_(
            "Usernames, separated by spaces or commas. They may do all that you may with this contest."
        ),
    )

    class Meta:
        model = Contest
        exclude = ("published", "organisers", "created_at")
        widgets = {
            **{name: forms.Textarea(attrs={"rows": 8, "cols": 90}) for name in _LONG},
            **{f"{name}_zh": forms.Textarea(attrs={"rows": 8, "cols": 90}) for name in _LONG},
            "summary": forms.Textarea(attrs={"rows": 2, "cols": 90}),
            "summary_zh": forms.Textarea(attrs={"rows": 2, "cols": 90}),
            "title": widgets.AdminTextInputWidget,
            "licence": widgets.AdminTextInputWidget,
            "email_domains": widgets.AdminTextInputWidget,
        }
        labels = {"slug": _("Address")}
        help_texts = {
            "slug": _(
                "The contest's part of its web address: small letters, digits and dashes, for example digits-2026."
            ),
            "summary": _("One or two sentences for the list of contests."),
            "description": _("What it is about: the first page."),
            "evaluation": _("How answers are judged. The metric and its settings are shown by themselves."),
            "data_description": _(
                "What the files hold. Their names, sizes and first rows are shown by themselves."
            ),
            "invite_code": _("For “by invitation”. Leave it empty and Podium makes one."),
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk:
            names = self.instance.organisers.order_by("username").values_list("username", flat=True)
            self.fields["organiser_names"].initial = " ".join(names)
            where = reverse("admin:contests_contest_preview", args=[self.instance.pk])
            for name in (*_LONG, *(f"{long}_zh" for long in _LONG)):
                attributes = {"data-preview": where, "data-preview-label": gettext("Preview")}
                self.fields[name].widget.attrs.update(attributes)
        if self.instance.published:
            self.fields["slug"].disabled = True
            self.fields["slug"].help_text = gettext("Fixed: links to a published contest keep working.")

    def clean_organiser_names(self) -> list[User]:
        wanted = _names(self.cleaned_data["organiser_names"])
        found, unknown = organising.named(wanted)
        if unknown:
            raise forms.ValidationError(
                gettext("There is no account with this username: %(names)s") % {"names": ", ".join(unknown)}
            )
        if self.instance.pk and not found:
            raise forms.ValidationError(gettext("A contest needs at least one organiser."))
        return found

    def clean_email_domains(self) -> str:
        domains = [name.lower().lstrip("@") for name in _names(self.cleaned_data["email_domains"])]
        wrong = [name for name in domains if not _DOMAIN.fullmatch(name)]
        if wrong:
            raise forms.ValidationError(
                gettext("This is not an e-mail domain: %(names)s") % {"names": ", ".join(wrong)}
            )
        return ", ".join(domains)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        by_domain = given.get("registration") == Contest.Registration.DOMAIN
        if by_domain and "email_domains" in given and not given["email_domains"]:
            self.add_error("email_domains", gettext("Name at least one domain, for example: uni-a.edu"))
        return given


PHASE_LIMITS = ("daily_limit", "total_limit", "pending_limit", "gpu_minutes_limit")


class PhaseForm(PhaseModelForm):
    class Meta:
        model = Phase
        fields = ("title", "starts_at", "ends_at", "private_revealed_at", *PHASE_LIMITS)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not self.instance.pk:
            self.initial.setdefault("starts_at", timezone.now().replace(second=0, microsecond=0))
        for name in PHASE_LIMITS:
            field = self.fields[name]
            assert isinstance(field, forms.IntegerField)  # noqa: S101 - for the type checker
            field.widget.attrs["min"] = 1
            field.min_value = 1

    def has_changed(self) -> bool:
        """A first phase left as it was offered is meant: it is saved like one that was changed."""
        return super().has_changed() or not (self.instance.pk or self.empty_permitted)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        starts, ends, revealed = (given.get(name) for name in ("starts_at", "ends_at", "private_revealed_at"))
        if starts and ends and ends <= starts:
            self.add_error("ends_at", gettext("The end must be after the start."))
        if starts and revealed and revealed < starts:
            self.add_error("private_revealed_at", gettext("Private scores cannot be shown before the start."))
        for name in PHASE_LIMITS:
            if given.get(name) == 0:
                self.add_error(name, gettext("At least 1."))
        return given
