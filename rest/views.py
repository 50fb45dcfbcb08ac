"""What every endpoint of the API is built on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.filters import BaseFilterBackend
from rest_framework.generics import GenericAPIView
from rest_framework.mixins import ListModelMixin
from rest_framework.pagination import BasePagination
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request

from rest.negotiation import Always
from rest.pages import Pages
from rest.schema import Described
from rest.throttles import PerMinute

NUL = "\x00"


class Endpoint(GenericAPIView[Any]):
    """One thing. For people who are known, but for the methods in `public`. Refuses what no database takes."""

    public: ClassVar[AbstractSet[str]] = frozenset()  # methods that everybody may use
    scopes: ClassVar[Mapping[str, str]] = {}  # method → throttle scope, where it is not the usual one
    tag: ClassVar[str] = ""  # where the description lists it; else by the address
    metadata_class = None  # the description is at /api/schema/
    throttle_classes = (PerMinute,)
    content_negotiation_class = Always
    pagination_class: type[BasePagination] | None = None
    filter_backends: Sequence[type[BaseFilterBackend]] = ()
    schema = Described()

    def get_permissions(self) -> list[BasePermission]:
        method = "GET" if self.request.method == "HEAD" else self.request.method
        return [AllowAny() if method in self.public else IsAuthenticated()]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if any(NUL in str(value) for value in kwargs.values()):
            raise NotFound(_("There is nothing at this address."))
        for name, values in request.query_params.lists():
            if any(NUL in text for text in (name, *values)):
                raise ValidationError({name.replace(NUL, ""): [_("Null characters are not allowed.")]})


class ListEndpoint(ListModelMixin, Endpoint):
    """A list in pages. Give `queryset` for the model's sake, and `get_queryset` for the rows."""

    pagination_class = Pages
    filter_backends: Sequence[type[BaseFilterBackend]] = (DjangoFilterBackend,)
