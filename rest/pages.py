"""Lists come in pages: `?page=` from 1, `?page_size=` up to 100."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.views import APIView

DEFAULT_SIZE, MAX_SIZE = 25, 100
MAX_PAGE = 1_000_000
MAX_NUMBER = 10**15


def natural(request: Request, name: str, *, default: int, least: int = 1, most: int = MAX_NUMBER) -> int:
    """A whole number from the query. Raises ValidationError that names the parameter and its range."""
    raw = request.query_params.get(name)
    if raw is None:
        return default
    if raw.isascii() and raw.isdigit() and len(raw) <= len(str(most)) and least <= int(raw) <= most:
        return int(raw)
    raise ValidationError(
        {
            name: [
                _("This must be a whole number from %(least)s to %(most)s.") % {"least": least, "most": most}
            ]
        }
    )


class Pages(PageNumberPagination):
    page_size = DEFAULT_SIZE
    page_size_query_param = "page_size"
    max_page_size = MAX_SIZE
    page_query_description = "Which page, from 1."
    page_size_query_description = f"How many results a page has, up to {MAX_SIZE}."

    def get_page_size(self, request: Request) -> int:
        return natural(request, "page_size", default=DEFAULT_SIZE, most=MAX_SIZE)

    def get_page_number(self, request: Request, paginator: Any) -> int:
        return natural(request, "page", default=1, most=MAX_PAGE)

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any] | None:
        try:
            return super().paginate_queryset(queryset, request, view)
        except NotFound as error:
            raise NotFound(_("The list ends before this page.")) from error

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        bounds = {"page": MAX_PAGE, "page_size": MAX_SIZE}
        return [
            {**parameter, "schema": {"type": "integer", "minimum": 1, "maximum": bounds[parameter["name"]]}}
            for parameter in super().get_schema_operation_parameters(view)
        ]
