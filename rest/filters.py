"""Filters of lists. A value that is none of those allowed is refused, not ignored."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as django_filters

EARLIEST = dt.datetime(1970, 1, 2, tzinfo=dt.UTC)
LATEST = dt.datetime(2999, 12, 31, tzinfo=dt.UTC)


class _MomentField(django_filters.IsoDateTimeFilter.field_class):  # type: ignore[misc]
    """Refuses moments that no database or time zone can hold."""

    default_error_messages = {"invalid": _("Give a moment as 2026-01-31T12:00:00Z.")}

    def to_python(self, value: Any) -> dt.datetime | None:
        try:
            found: dt.datetime | None = super().to_python(value)
            if found is None or EARLIEST <= found <= LATEST:
                return found
        except OverflowError:
            pass
        raise ValidationError(_("Give a moment between the years 1970 and 2999."), code="unreasonable")


class Moment(django_filters.IsoDateTimeFilter):  # type: ignore[misc]
    field_class = _MomentField


class Ordering(django_filters.OrderingFilter):  # type: ignore[misc]
    """Several names, separated by commas, each with a minus for the other direction. Nothing between commas is none."""

    def filter(self, qs: Any, value: list[str] | None) -> Any:
        return super().filter(qs, [name for name in value or [] if name])


class _FlagWidget(forms.TextInput):
    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        raw = super().value_from_datadict(data, files, name)
        return {"true": True, "false": False, "": None}.get(raw.lower(), raw) if isinstance(raw, str) else raw


class _FlagField(forms.NullBooleanField):
    def to_python(self, value: Any) -> bool | None:  # type: ignore[override] # as the null field does, untyped
        if value not in {True, False, None}:
            raise ValidationError(_("This must be true or false."))
        return super().to_python(value)


class Flag(django_filters.BooleanFilter):  # type: ignore[misc]
    """true or false; Django's own takes all else for neither."""

    field_class = _FlagField

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, widget=_FlagWidget)


class Filters(django_filters.FilterSet):  # type: ignore[misc]
    """The base of every list's filters."""


Choice = django_filters.ChoiceFilter
Text = django_filters.CharFilter
Number = django_filters.NumberFilter
