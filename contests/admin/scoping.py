"""Who sees and touches what in the admin: superusers all, everybody else what belongs to contests they organise.

Django's own model permissions play no part here. A row of a contest that one does not organise does not exist: lists
leave it out, and its address answers 404.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.long_lists import LongList
from contests import access
from contests.organising import contests_of, may_enter, organises

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
else:
    Base = admin.ModelAdmin


class Scoped:
    """For a ModelAdmin of rows that belong to a contest. `to_contest` is the way there in the ORM's words."""

    to_contest = "contest"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]
        return rows.filter(access.organises_at(request.user, self.to_contest))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Django would answer with its front page and a message; a row that one may not see is not there: 404."""
        found = super().get_object(request, object_id, from_field)  # type: ignore[misc]
        if found is None:
            raise Http404
        return found

    def contest_id_of(self, row: Any) -> int:
        *way, last = self.to_contest.split("__")
        for name in way:
            row = getattr(row, name)
        return cast("int", row.pk if last == "pk" else getattr(row, f"{last}_id"))

    def mine(self, request: HttpRequest, obj: Any) -> bool:
        if obj is None:
            return may_enter(request)
        return organises(request, self.contest_id_of(obj))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may_enter(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.mine(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ScopedInline(Scoped):
    """Inside the page of a contest: whoever may change the page may change these rows."""

    def mine(self, request: HttpRequest, obj: Any) -> bool:
        # `obj` is the page's own row here.
        return may_enter(request) if obj is None else organises(request, cast("int", obj.pk))


class ScopedReadOnly(Scoped, LongList):
    """Rows of one's own contests, to be looked at."""


class ContestFilter(admin.SimpleListFilter):
    """By contest, offering only one's own: Django's filter would list everybody's."""

    title = _("contest")
    parameter_name = "contest"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [(contest.slug, contest.title) for contest in contests_of(request)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        return queryset.filter(**{f"{self.to_contest(queryset.model)}__slug": self.value()})

    def to_contest(self, model: type[Model]) -> str:
        registered = admin.site.get_model_admin(model)
        return str(getattr(registered, "to_contest", "contest"))
