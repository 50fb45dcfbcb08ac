"""Boards, entries and scores in the admin: to be looked at."""

from __future__ import annotations

from django.contrib import admin

from accounts.read_only_admin import ReadOnlyAdmin
from contests.admin.columns import SubmissionColumns
from leaderboard.models import Board, BoardEntry, Score


@admin.register(Board)
class BoardAdmin(ReadOnlyAdmin):
    list_display = ("phase", "audience", "epoch", "version")
    list_select_related = ("phase__contest",)


@admin.register(BoardEntry)
class BoardEntryAdmin(ReadOnlyAdmin):
    list_display = ("team", "board", "score", "submissions", "last_improved_at")
    list_filter = ("board__phase__contest", "board__audience")
    ordering = ("board_id", "key", "last_improved_at", "team_id")  # board by board, as an index has them
    list_fetches = ("team", "board__phase__contest")


@admin.register(Score)
class ScoreAdmin(SubmissionColumns, ReadOnlyAdmin):
    list_display = (
        "id",
        "file_name",
        "person",
        "task_version",
        "public",
        "private",
        "created_at",
    )
    list_fetches = ("submission__user", "task_version__task")
