"""Lists of the administration over tables that grow large: they count only so far, and say so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

if TYPE_CHECKING:
    Admin = admin.ModelAdmin[Any]
    Base = Paginator[Any]
else:
    Admin = admin.ModelAdmin
    Base = Paginator

MOST = 5000  # rows that can be leafed through; whoever looks for another one filters or searches


class LongListPaginator(Base):
    """Counts to MOST and no further: counting a whole table would cost more than all else of the page."""

    object_list: QuerySet[Any]

    @cached_property
    def _counted(self) -> int:
        return self.object_list.order_by()[: MOST + 1].count()

    @cached_property
    def count(self) -> int:
        return min(self._counted, MOST)

    @property
    def has_more(self) -> bool:
        return self._counted > MOST


class LongList(Admin):
    """An admin's page over such a table.

    `list_fetches` are the rows behind a line, asked for by themselves. In one query (`list_select_related`) a planner
    that misjudges a table begins with that one and sorts all that belongs to it, for the fifty lines of a page.
    """

    list_per_page = 50
    list_max_show_all = 0  # all of a large table at once is no page
    list_select_related: ClassVar[tuple[str, ...]] = ()
    list_fetches: tuple[str, ...] = ()
    show_full_result_count = False
    paginator = LongListPaginator

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related(*self.list_fetches)
