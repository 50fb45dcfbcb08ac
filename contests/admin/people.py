"""Who takes part: participations with approval, and teams."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.read_only_admin import ReadOnlyInline
from contests import joining
from contests.admin.scoping import ContestFilter, ScopedInline, ScopedReadOnly
from contests.models import Participation, Team


@admin.register(Participation)
class ParticipationAdmin(ScopedReadOnly):
    """The list an organiser approves from. People's e-mail addresses are shown to superusers only."""

    list_display = ("person", "name_on_board", "contest", "state", "joined_at", "rules_accepted_at")
    list_display_links = ("person",)
    list_filter = (ContestFilter, "state")
    list_fetches = ("user", "team", "contest")
    search_fields = ("user__username", "user__display_name", "team__name")
    fields = ("contest", "person", "name_on_board", "state", "joined_at", "rules_accepted_at")
    readonly_fields = ("person", "name_on_board")
    actions = ("approve", "refuse")

    @admin.display(description=_("person"), ordering="user__username")
    def person(self, row: Participation) -> str:
        user = row.user
        return f"{user.username} ({user.display_name})" if user.display_name else user.username

    @admin.display(description=_("name on the board"), ordering="team__name")
    def name_on_board(self, row: Participation) -> str:
        return row.team.name

    @admin.action(description=_("Approve the selected people"))
    def approve(self, request: HttpRequest, queryset: QuerySet[Participation]) -> None:
        count = _decide(queryset, Participation.State.ACTIVE)
        words = ngettext("%(count)d person may take part.", "%(count)d people may take part.", count)
        messages.success(request, words % {"count": count})

    @admin.action(description=_("Refuse the selected people"))
    def refuse(self, request: HttpRequest, queryset: QuerySet[Participation]) -> None:
        count = _decide(queryset, Participation.State.REFUSED)
        words = ngettext(
            "%(count)d person was refused. What they handed in stays.",
            "%(count)d people were refused. What they handed in stays.",
            count,
        )
        messages.success(request, words % {"count": count})


def _decide(rows: QuerySet[Participation], state: str) -> int:
    count = 0
    for participation in rows.exclude(state=state):
        joining.decide(participation, state)
        count += 1
    return count


class MemberInline(ScopedInline, ReadOnlyInline):
    model = Participation
    fields = ("user", "state", "joined_at")
    to_contest = "contest"

    def mine(self, request: HttpRequest, obj: Any) -> bool:
        return True  # the team's page itself is for its organisers only


@admin.register(Team)
class TeamAdmin(ScopedReadOnly):
    list_display = ("name", "contest")
    list_filter = (ContestFilter,)
    list_fetches = ("contest",)
    search_fields = ("name",)
    inlines = (MemberInline,)
