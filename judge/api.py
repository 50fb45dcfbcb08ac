"""Submissions in the public API: hand one in, look at it, read its log, call it back."""

from __future__ import annotations

import uuid
from typing import Any

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, NotFound
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from contests.models import Contest, Submission
from judge import cancel, intake, logs, queue
from judge.models import Run

MAX_DIGITS = 15


class Refused(APIException):
    """An intake refusal as an API error."""

    def __init__(self, rejected: intake.Rejected) -> None:
        super().__init__(detail=rejected.message, code=rejected.code)
        self.status_code = rejected.status


def _user(request: Request) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - IsAuthenticated stands before every view here
    return request.user


def _own(request: Request, submission_id: uuid.UUID) -> Submission:
    found = (
        Submission.objects.visible_to(request.user)
        .select_related("contest", "phase", "environment")
        .filter(pk=submission_id)
        .first()
    )
    if found is None:
        raise NotFound(_("There is no such submission among yours."))
    return found


def _run(run: Run) -> dict[str, Any]:
    return {
        "task": run.task_version.task.slug,
        "task_version": run.task_version.number,
        "status": run.status,
        "verdict": run.verdict or None,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "errors": run.errors,
        "facts": run.facts,
        "files": [{"name": file.name, "size": file.blob.size} for file in run.files.all()],
    }


def as_json(submission: Submission) -> dict[str, Any]:
    """A submission as its owner may see it: the private score is null until it is revealed."""
    runs = submission.runs.select_related("task_version__task").prefetch_related("files__blob")
    waiting = queue.waiting(submission)
    return {
        "id": str(submission.pk),
        "contest": submission.contest.slug,
        "kind": submission.kind,
        "filename": submission.filename,
        "environment": submission.environment.name,
        "note": submission.note,
        "created_at": submission.created_at,
        "finished_at": submission.finished_at,
        "status": submission.status,
        "verdict": submission.verdict or None,
        "public_score": submission.public_score,
        "private_score": submission.private_score if submission.phase.private_revealed else None,
        "queue_position": queue.position(submission),
        "waiting_for": None
        if waiting is None
        else {"environment": waiting.environment, "percent": waiting.percent, "step": waiting.step},
        "runs": [_run(run) for run in runs],
    }


class ContestSubmissions(APIView):
    """POST a file (multipart `file`; optional `task`, `environment`, `note`; header `Idempotency-Key`)."""

    parser_classes = (MultiPartParser,)

    def post(self, request: Request, slug: str) -> Response:
        user = _user(request)
        contest = Contest.objects.visible_to(user).filter(slug=slug).first()
        if contest is None:
            raise NotFound(_("There is no such contest."))
        file = request.FILES.get("file")
        if file is None:
            raise Refused(intake.Rejected("no_file", _("Send the file as the multipart field “file”.")))
        fields = request.POST
        try:
            submission = intake.submit(
                user=user,
                contest=contest,
                file=file,
                task_slug=fields.get("task") or None,
                environment=fields.get("environment") or None,
                note=str(fields.get("note", "")),
                idempotency_key=request.headers.get("Idempotency-Key"),
            )
        except intake.Rejected as rejected:
            raise Refused(rejected) from rejected
        # Read anew: it may have been claimed already, and the answer should be of one moment.
        return Response(as_json(_own(request, submission.pk)), status=201)


class SubmissionDetail(APIView):
    def get(self, request: Request, submission_id: uuid.UUID) -> Response:
        return Response(as_json(_own(request, submission_id)))


class SubmissionLog(APIView):
    """GET the log from byte `after` on."""

    def get(self, request: Request, submission_id: uuid.UUID) -> Response:
        after = request.query_params.get("after", "0")
        part = logs.read(
            _own(request, submission_id),
            after=int(after) if after.isascii() and after.isdigit() and len(after) <= MAX_DIGITS else 0,
        )
        return Response(
            {"offset": part.offset, "text": part.text, "end": part.end, "complete": part.complete}
        )


class SubmissionCancel(APIView):
    def post(self, request: Request, submission_id: uuid.UUID) -> Response:
        submission = _own(request, submission_id)
        cancelled = cancel.cancel(submission)
        fresh = get_object_or_404(
            Submission.objects.select_related("contest", "phase", "environment"), pk=submission.pk
        )
        return Response({"cancelled": cancelled, **as_json(fresh)})
