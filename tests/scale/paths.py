"""What people, agents and chores ask of a site all day: every way whose cost must not grow with the site."""

from __future__ import annotations

import dataclasses
import gc
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.db.models import Count
from django.test import Client, override_settings
from django.urls import get_resolver
from django.utils import timezone

from accounts import tokens
from accounts.models import User
from compute.models import Pool, RunnerHost
from contests import unnamed
from contests.models import Contest, Submission
from judge import intake, lease, queue, quotas, retention
from judge.models import Job
from leaderboard.models import Board
from operations import figures, standing
from operations.run_sums import RunSums

HOST = "host-1"


@dataclasses.dataclass(frozen=True, slots=True)
class Site:
    """A populated site and three who ask: `eager` has handed in most, the organiser runs the whole site."""

    contest: Contest
    eager: User
    organiser: User
    waiting: uuid.UUID  # a submission in the queue

    @property
    def board(self) -> Board:
        return Board.objects.get(phase__contest=self.contest, audience=Board.Audience.PUBLIC)


def look_around(slug: str) -> Site:
    """Find out who is who on a populated site, and have a live host for its programs."""
    contest = Contest.objects.get(slug=slug)
    waiting = Submission.objects.filter(contest=contest, status="QUEUED", kind="script").last()
    assert waiting is not None
    job = Job.objects.select_related("pool", "environment").get(run__submission=waiting)
    RunnerHost.objects.update_or_create(
        pool=job.pool,
        name=HOST,
        defaults={"environments": [job.environment.identifier], "seen_at": timezone.now()},
    )
    organiser = User.objects.get_or_create(
        username="organiser", defaults={"is_staff": True, "is_superuser": True}
    )[0]
    by_number = (
        Submission.objects.filter(contest=contest).order_by().values("user").annotate(count=Count("pk"))
    )
    most = by_number.order_by("-count", "user").first()
    assert most is not None
    return Site(contest, User.objects.get(pk=most["user"]), organiser, waiting.pk)


@contextmanager
def lean() -> Iterator[None]:
    """Pages name static files that are collected only where a site is served; figures are those of this database."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    with (
        override_settings(STORAGES=settings.STORAGES | {"staticfiles": plain}),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(figures, "SUMS", RunSums(figures.BUCKETS_S))
        _ = get_resolver().url_patterns
        gc.collect()
        gc.freeze()  # as config.asgi does
        try:
            yield
        finally:
            gc.unfreeze()


Way = Callable[[Site], object]


def _got(path: str, who: str = "") -> Way:
    client = Client()

    def ask(site: Site) -> object:
        client.cookies.clear()
        headers = {}
        places = {"slug": site.contest.slug, "waiting": site.waiting, "eager": site.eager.username}
        user = {"": None, "eager": site.eager, "organiser": site.organiser}[who]
        if user is not None and path.startswith("/api/"):
            token = tokens.create_api_token(user=user, name="")
            headers["authorization"] = f"Token {token}"
        elif user is not None:
            client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        answer = client.get(path.format(**places), headers=headers)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer

    return ask


def _claim(site: Site) -> object:
    waiting = Job.objects.select_related("pool", "environment").get(run__submission=site.waiting)
    spec = lease.claim(pool=waiting.pool, host=HOST, environments=[waiting.environment.identifier])
    assert spec is not None
    return spec


def _claim_nothing(site: Site) -> object:
    """As an agent does again and again beside work that is not for it."""
    pool = Pool.objects.get(slug="cpu")
    assert lease.claim(pool=pool, host=HOST, environments=["other@1"]) is None
    return None


def _sweep(_site: Site) -> object:
    return lease.sweep()


def _place(site: Site) -> object:
    found = queue.place(Submission.objects.get(pk=site.waiting))
    assert found is not None
    return found


def _quota(site: Site) -> object:
    found = quotas.quota(site.eager, site.contest)
    assert found is not None
    return found


def _upload(site: Site) -> object:
    file = SimpleUploadedFile("predictions.csv", f"id,target\n3,{uuid.uuid4().int}\n4,0\n".encode())
    with transaction.atomic():
        return intake.submit(user=site.eager, contest=site.contest, file=file)


def _tidy(_site: Site) -> object:
    return retention.remove(), unnamed.remove_rows(within_s=20.0)


def _metrics(_site: Site) -> object:
    return figures.text(kept_s=-1.0)


def _status(_site: Site) -> object:
    return standing.of_the_site()


WAYS: Mapping[str, Way] = {
    "claim": _claim,
    "claim, nothing for this host": _claim_nothing,
    "sweep": _sweep,
    "place in the queue and estimate": _place,
    "quota": _quota,
    "upload": _upload,
    "tidy": _tidy,
    "metrics": _metrics,
    "status page": _status,
    "home": _got("/"),
    "home, signed in": _got("/", "eager"),
    "contest": _got("/contests/{slug}/"),
    "my submissions": _got("/submissions/", "eager"),
    "my submissions, page 2": _got("/submissions/?page=2", "eager"),
    "my submissions to a contest": _got("/contests/{slug}/submissions/", "eager"),
    "hand in": _got("/contests/{slug}/submit/", "eager"),
    "submission that waits": _got("/submissions/{waiting}/", "organiser"),
    "board": _got("/contests/{slug}/leaderboard/"),
    "board, signed in": _got("/contests/{slug}/leaderboard/", "eager"),
    "board, page 2": _got("/contests/{slug}/leaderboard/?page=2"),
    "own standing": _got("/contests/{slug}/leaderboard/own/", "eager"),
    "API: my submissions": _got("/api/v1/submissions/", "eager"),
    "API: my submissions, scored": _got("/api/v1/submissions/?verdict=SCORED", "eager"),
    "API: submissions of a contest": _got("/api/v1/contests/{slug}/submissions/", "organiser"),
    "API: submissions of a contest, failed": _got(
        "/api/v1/contests/{slug}/submissions/?verdict=RUNTIME_ERROR", "organiser"
    ),
    "API: submissions of a contest, best": _got(
        "/api/v1/contests/{slug}/submissions/?ordering=-public_score", "organiser"
    ),
    "API: submissions of a person": _got("/api/v1/contests/{slug}/submissions/?user={eager}", "organiser"),
    "API: submission that waits": _got("/api/v1/submissions/{waiting}/", "organiser"),
    "API: participants": _got("/api/v1/contests/{slug}/participants/", "organiser"),
    "API: board": _got("/api/v1/contests/{slug}/leaderboard/"),
    "API: my rank": _got("/api/v1/contests/{slug}/leaderboard/me/", "eager"),
    "API: quota": _got("/api/v1/contests/{slug}/quota/", "eager"),
    "API: pools": _got("/api/v1/pools/", "organiser"),
    "admin": _got("/admin/", "organiser"),
    "admin: submissions": _got("/admin/contests/submission/", "organiser"),
    "admin: submissions of a contest": _got("/admin/contests/submission/?contest={slug}", "organiser"),
    "admin: submissions that failed": _got(
        "/admin/contests/submission/?verdict__exact=RUNTIME_ERROR", "organiser"
    ),
    "admin: submissions that wait": _got("/admin/contests/submission/?status__exact=QUEUED", "organiser"),
    "admin: runs": _got("/admin/judge/run/", "organiser"),
    "admin: runs that wait": _got("/admin/judge/run/?status__exact=QUEUED", "organiser"),
    "admin: jobs": _got("/admin/judge/job/", "organiser"),
    "admin: jobs that wait": _got("/admin/judge/job/?status__exact=QUEUED", "organiser"),
    "admin: pools": _got("/admin/compute/pool/", "organiser"),
    "admin: teams": _got("/admin/contests/team/", "organiser"),
    "admin: participations": _got("/admin/contests/participation/", "organiser"),
    "admin: people": _got("/admin/accounts/user/", "organiser"),
    "admin: scores": _got("/admin/leaderboard/score/", "organiser"),
    "admin: board entries": _got("/admin/leaderboard/boardentry/", "organiser"),
    "admin: the contest": _got("/admin/contests/contest/", "organiser"),
}
