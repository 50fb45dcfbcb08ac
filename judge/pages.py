"""The pages around a submission: handing in, the list of one's own, one submission with its log and files."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from contests import access, downloads, schedule
from contests.models import Contest, Submission, TaskVersion
from judge import cancel as cancelling
from judge import (
    feed,
    feedback,
    intake,
    logs,
    notebook_pages,
    notebooks,
    queue,
    quotas,
    runs,
    stages,
    steps,
    usage,
    usage_pages,
)
from judge.forms import SubmissionForm
from judge.models import RunFile
from judge.verdicts import explain
from rest.throttles import a_minute

PER_PAGE = 25
WHOLE_LOG = 1 << 20  # beyond any task's cap: the page shows all there is, the live events go on from there
_EXAMPLE = {"predictions": "submission.csv", "notebook": "train.ipynb", "project": "project.zip"}
OPEN_STATES = (Submission.Status.QUEUED, Submission.Status.RUNNING, Submission.Status.SCORING)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@a_minute("uploads", methods=("POST",))
def submit(request: HttpRequest, slug: str) -> HttpResponse:
    contest = get_object_or_404(Contest.objects.visible_to(request.user), slug=slug)
    versions = _open_versions(contest)
    posted = request.method == "POST"
    form = SubmissionForm(versions, *((request.POST, request.FILES) if posted else ()))
    status = 200
    if posted and form.is_valid():
        try:
            submission = _hand_in(_person(request), contest, form.cleaned_data)
        except intake.Rejected as rejected:
            form.show(rejected)
            status = rejected.status
        else:
            return redirect("judge:submission", submission_id=submission.pk)
    elif posted:
        status = 400
    context = {
        "contest": contest,
        "section": "submit",
        "schedule": schedule.of(contest.phases.all(), timezone.now()),
        "form": form,
        "version": versions[0] if versions else None,
        "quota": quotas.quota(_person(request), contest),
        "example_file": _EXAMPLE.get(versions[0].kinds[0], "train.py") if versions else "train.py",
        "api_url": request.build_absolute_uri(f"/api/v1/contests/{contest.slug}/submissions/"),
    }
    return render(request, "judge/submit.html", context, status=status)


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - behind login_required; for the type checker
    return request.user


def _open_versions(contest: Contest) -> list[TaskVersion]:
    phase = quotas.current_phase(contest, timezone.now())
    if phase is None:
        return []
    return list(
        TaskVersion.objects.filter(task__phase=phase, active=True)
        .select_related("task", "environment", "pool")
        .prefetch_related("environments")
        .order_by("task__position")
    )


def _hand_in(user: User, contest: Contest, given: dict[str, Any]) -> Submission:
    key = given["key"]
    arguments: dict[str, Any] = {
        "user": user,
        "contest": contest,
        "file": given["file"],
        "task_slug": given["task"] or None,
        "environment": given["environment"] or None,
        "note": given["note"],
    }
    try:
        return intake.submit(**arguments, idempotency_key=f"page-{key}" if key else None)
    except intake.Rejected as rejected:
        if rejected.code != "key_reused":
            raise
        # Back in the browser and another file in the same form, or the same once more after it was called back:
        # clearly meant as another submission.
        return intake.submit(**arguments, idempotency_key=None)


def _own(request: HttpRequest) -> QuerySet[Submission]:
    return Submission.objects.filter(user=_person(request)).prefetch_related(
        "contest", "phase", "environment", "runs__task_version"
    )


def _paged(request: HttpRequest, own: QuerySet[Submission]) -> dict[str, Any]:
    page = Paginator(own, PER_PAGE).get_page(request.GET.get("page"))
    pages = page.paginator.get_elided_page_range(page.number, on_each_side=2, on_ends=1)
    return {"page": page, "pages": pages, "used": usage.of_submissions(own)}


@login_required
@never_cache
@require_safe
def submissions(request: HttpRequest) -> HttpResponse:
    own, contest = _own(request), None
    if slug := request.GET.get("contest"):
        contest = get_object_or_404(Contest.objects.visible_to(request.user), slug=slug)
        own = own.filter(contest=contest)
    own_contests = Contest.objects.filter(submissions__user=_person(request)).distinct()
    context = {"contest_filter": contest, "contests": own_contests, **_paged(request, own)}
    return render(request, "judge/submissions.html", context)


@login_required
@never_cache
@require_safe
def contest_submissions(request: HttpRequest, slug: str) -> HttpResponse:
    """One's own submissions as a section of the contest."""
    contest = get_object_or_404(Contest.objects.visible_to(request.user), slug=slug)
    context = {
        "contest": contest,
        "contest_filter": contest,
        "section": "submissions",
        "schedule": schedule.of(contest.phases.all(), timezone.now()),
        "quota": quotas.quota(_person(request), contest),
        **_paged(request, _own(request).filter(contest=contest)),
    }
    return render(request, "judge/contest_submissions.html", context)


def _found(request: HttpRequest, submission_id: uuid.UUID) -> Submission:
    """The submission, or 404 for whoever may not see it: its existence is nobody else's business."""
    visible = Submission.objects.visible_to(request.user)
    return get_object_or_404(
        visible.select_related("contest", "phase", "team", "user", "environment", "blob"), pk=submission_id
    )


@login_required
@never_cache
@require_safe
def submission(request: HttpRequest, submission_id: uuid.UUID) -> HttpResponse:
    found = _found(request, submission_id)
    run = runs.current(found)
    shows_private = access.reads_private_score(
        found, organised=False
    )  # organisers see what its contestant sees
    context = {
        "submission": found,
        "contest": found.contest,
        "run": run,
        "metric": run.task_version.definition if run else None,
        "limits": stages.told_limits(run),
        "facts": run.facts if run else {},
        "explanation": explain(found.verdict, run) if found.verdict else None,
        "steps": steps.way(found, run),
        "stage": stages.under_way(run),
        "told_of": stages.of(run) if run else None,
        "hides": run is not None and run.task_version.hides_features,
        "usage": usage_pages.shown(found),
        "feedback": feedback.shown(found, run),
        "log": logs.read(found, limit=WHOLE_LOG),
        "notebook": notebooks.shown(found, run),
        "place": queue.place(found),
        "waiting": queue.waiting(found),
        "topic": feed.topic(found),
        "token": feed.token(found),
        "open": found.status in OPEN_STATES,
        "may_cancel": found.status in OPEN_STATES and cancelling.may(request.user, found),
        "beside_hidden": stages.beside_hidden(run),
        "private_score": found.private_score if shows_private else None,
    }
    return render(request, "judge/submission.html", context)


@login_required
@never_cache
@require_safe
def log(request: HttpRequest, submission_id: uuid.UUID) -> JsonResponse:
    """The log from byte `after` on, as JSON: for static/js/submission.js after a gap."""
    found = _found(request, submission_id)
    after = request.GET.get("after", "0")
    if not (after.isascii() and after.isdigit() and len(after) < 16):  # noqa: PLR2004
        return JsonResponse({"detail": _("“after” must be a whole number of bytes.")}, status=400)
    part = logs.read(found, after=int(after))
    return JsonResponse(
        {"offset": part.offset, "text": part.text, "end": part.end, "complete": part.complete}
    )


@login_required
@require_POST
def cancel(request: HttpRequest, submission_id: uuid.UUID) -> HttpResponse:
    try:
        cancelling.cancel(_found(request, submission_id), by=request.user)
    except cancelling.NotTheirs as refused:
        messages.error(request, refused.message)
    return redirect("judge:submission", submission_id=submission_id)


@login_required
@never_cache
@require_safe
@a_minute("downloads")
def file(request: HttpRequest, submission_id: uuid.UUID, name: str) -> HttpResponseBase:
    found = _found(request, submission_id)
    kept = get_object_or_404(RunFile.objects.select_related("blob"), run=runs.current(found), name=name)
    if notebook_pages.is_page(found, kept):
        return notebook_pages.download(request, found, kept)
    return downloads.attachment(request, kept.blob, kept.name)


@login_required
@never_cache
@require_safe
@a_minute("downloads")
def source(request: HttpRequest, submission_id: uuid.UUID) -> HttpResponseBase:
    """The file as it was handed in."""
    found = _found(request, submission_id)
    if not found.file_kept:
        raise Http404
    return downloads.attachment(request, found.blob, found.filename)
