"""For whom a page of the admin acts, and on what: a row of a contest that one does not organise is not there."""

from __future__ import annotations

from django.http import Http404, HttpRequest

from accounts.models import User
from contests import drafts
from contests.models import Contest, Phase, Task, TaskVersion
from contests.organising import organises


def who(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - behind the admin's login; for the type checker
    return request.user


def own_task(request: HttpRequest, pk: int) -> Task:
    task = Task.objects.select_related("phase__contest").filter(pk=pk).first()
    if task is None or not organises(request, task.phase.contest_id):
        raise Http404
    return task


def own_phase(request: HttpRequest, pk: int) -> Phase:
    phase = Phase.objects.select_related("contest").filter(pk=pk).first()
    if phase is None or not organises(request, phase.contest_id):
        raise Http404
    return phase


def own_contest(request: HttpRequest, pk: int) -> Contest:
    contest = Contest.objects.filter(pk=pk).first()
    if contest is None or not organises(request, contest.pk):
        raise Http404
    return contest


def own_version(task: Task, *, number: str = "") -> TaskVersion:
    """The version of that number; without one what its organisers are working on, a draft where there is one."""
    version = task.versions.filter(number=number).first() if number.isdecimal() else drafts.edited(task)
    if version is None:
        raise Http404
    return version
