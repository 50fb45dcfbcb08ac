"""Fields of bodies that hold more than a database or a parser takes."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from rest.filters import EARLIEST, LATEST


class MomentField(serializers.DateTimeField):
    """A moment that every database and time zone can hold."""

    def to_internal_value(self, value: Any) -> dt.datetime:
        try:
            found: dt.datetime = super().to_internal_value(value)
            if EARLIEST <= found <= LATEST:
                return found
        except OverflowError:
            pass
        raise serializers.ValidationError(_("Give a moment between the years 1970 and 2999."))


class FlagField(serializers.BooleanField):
    """A switch that a form may leave out: DRF would take that for a box that was not ticked."""

    default_empty_html = serializers.empty


@extend_schema_field(OpenApiTypes.OBJECT)
class ObjectField(serializers.JSONField):
    """A small JSON object; in a form, its text."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        try:
            found = super().to_internal_value(data)
        except RecursionError as error:
            raise serializers.ValidationError(_("This must be a JSON object.")) from error
        if not isinstance(found, dict):
            raise serializers.ValidationError(_("This must be a JSON object."))
        if not all(_storable(item) for pair in found.items() for item in pair):
            raise serializers.ValidationError(_("Each value must be a text or a number."))
        return found


def _storable(item: object) -> bool:
    if isinstance(item, str):
        return not any(c == "\x00" or "\ud800" <= c <= "\udfff" for c in item)
    return isinstance(item, int | float)
