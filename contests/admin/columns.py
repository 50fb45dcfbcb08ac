"""Columns of lists in the admin whose rows belong to a submission."""

from __future__ import annotations

from typing import Protocol

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from contests.models import Submission


class OfSubmission(Protocol):
    @property
    def submission(self) -> Submission: ...


class SubmissionColumns:
    """For an admin with `submission__user` in its `list_fetches`."""

    @admin.display(description=_("file name"), ordering="submission__filename")
    def file_name(self, row: OfSubmission) -> str:
        return row.submission.filename

    @admin.display(description=_("person"), ordering="submission__user__username")
    def person(self, row: OfSubmission) -> str:
        return row.submission.user.username
