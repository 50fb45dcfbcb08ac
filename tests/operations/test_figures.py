"""`/metrics`: who may read it, and that its figures are those of the database, whichever web process answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import httpx
import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django.fixtures import Settings
from redis import Redis

from judge.models import Job
from live import census
from operations import figures
from operations.run_sums import RunSums
from tests.builders import make_contest, make_device, make_host, make_pool, make_submission, make_user
from tests.live.client import Listener
from tests.stack import PERFECT, Stack, eventually
from tests.valkey import running_valkey


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Settings) -> None:
    """The page that says 404 names some; hashed names need `collectstatic`."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": plain}


@pytest.fixture(autouse=True)
def _nothing_summed_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process has summed is of the database of the test before."""
    monkeypatch.setattr(figures, "SUMS", RunSums(figures.BUCKETS_S))


@pytest.fixture
def broker(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Iterator[str]:
    with running_valkey(tmp_path_factory.mktemp("v")) as url:
        settings.REDIS_URL = url
        yield url


def value(text: str, name: str, **labels: str) -> float | None:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return float(sample.value)
    return None


def now() -> str:
    return figures.text(kept_s=-1).decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("headers", "address", "status"),
    [
        ({}, "127.0.0.1", 200),
        ({}, "::1", 200),
        ({}, "10.1.2.3", 404),
        ({"Host": "podium.example.org"}, "127.0.0.1", 404),
        ({"X-Forwarded-For": "203.0.113.9"}, "127.0.0.1", 404),
        ({"Forwarded": "for=203.0.113.9"}, "127.0.0.1", 404),
        ({"Via": "1.1 proxy"}, "127.0.0.1", 404),
        ({"Authorization": "Bearer anything"}, "10.1.2.3", 404),
    ],
)
def test_without_a_token_only_this_machine_itself_is_answered(
    broker: str, settings: Settings, headers: dict[str, str], address: str, status: int
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    answer = Client().get("/metrics", headers={"Host": "127.0.0.1:8000", **headers}, REMOTE_ADDR=address)
    assert answer.status_code == status


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("said", "status"), [("Bearer s3cret", 200), ("Bearer wrong", 404), ("Token s3cret", 404), ("", 404)]
)
def test_with_a_token_set_only_the_token_counts(
    broker: str, settings: Settings, said: str, status: int
) -> None:
    settings.PODIUM_METRICS_TOKEN = "s3cret"
    client = Client(headers={"Authorization": said} if said else {})
    assert client.get("/metrics", REMOTE_ADDR="127.0.0.1").status_code == status
    assert client.get("/metrics", REMOTE_ADDR="203.0.113.9").status_code == status


@pytest.mark.django_db
def test_the_queue_and_its_age_are_told_by_pool(broker: str) -> None:
    contest = make_contest("digits")
    make_pool("idle")
    first = make_submission(contest, make_user("alice"))
    make_submission(contest, make_user("bob"))
    make_submission(contest, make_user("carol"), status="RUNNING")
    long_ago = timezone.now() - dt.timedelta(hours=2)
    Job.objects.filter(run__submission=first).update(queued_at=long_ago)
    Job.objects.filter(status="RUNNING").update(lease_until=long_ago)
    text = now()
    assert value(text, "podium_queue_jobs", pool="cpu", kind="run") == 2
    assert value(text, "podium_jobs_running", pool="cpu") == 1
    assert value(text, "podium_leases_overdue", pool="cpu") == 1
    assert 7200 <= (value(text, "podium_queue_oldest_seconds", pool="cpu") or 0) < 7300
    assert value(text, "podium_queue_oldest_seconds", pool="idle") == 0


@pytest.mark.django_db
def test_durations_and_verdicts_are_those_of_the_runs(broker: str) -> None:
    contest = make_contest("digits")
    for name, seconds in (("alice", 0.5), ("bob", 20.0), ("carol", 20_000.0)):
        submission = make_submission(contest, make_user(name), status="FINISHED", public_score=0.5)
        submission.runs.update(wall_s=seconds)
    make_submission(contest, make_user("dora"), status="FINISHED", verdict="TIME_LIMIT_EXCEEDED")
    text = now()
    scored = {"kind": "script", "verdict": "SCORED"}
    assert value(text, "podium_run_seconds_count", **scored) == 3
    assert value(text, "podium_run_seconds_sum", **scored) == 20_020.5
    assert [
        value(text, "podium_run_seconds_bucket", le=le, **scored) for le in ("1.0", "60.0", "14400.0")
    ] == [1, 2, 2]
    assert value(text, "podium_run_seconds_count", verdict="TIME_LIMIT_EXCEEDED") == 1
    assert value(text, "podium_submissions_total") == 4


@pytest.mark.django_db
def test_sums_are_the_same_however_often_and_when_they_were_asked_before(broker: str) -> None:
    contest, start = make_contest("digits"), timezone.now() - dt.timedelta(days=2)
    asked_often = RunSums(figures.BUCKETS_S)
    for hours in range(0, 30, 3):
        at = start + dt.timedelta(hours=hours)
        for minutes in (1, 59, 61, 150):
            ended = at + dt.timedelta(minutes=minutes)
            made = make_submission(
                contest,
                make_user(f"p{hours}-{minutes}"),
                status="FINISHED",
                public_score=0.5,
                created_at=ended,
            )
            made.runs.update(wall_s=float(minutes), finished_at=ended)
            asked_often.at(ended + dt.timedelta(seconds=1))
    for moment in (start + dt.timedelta(hours=31), timezone.now()):
        found = asked_often.at(moment)
        assert found == RunSums(figures.BUCKETS_S).at(moment)
        assert found[1] == 40
        assert found[0]["script", "SCORED"]["runs"] == 40


@pytest.mark.django_db
def test_lost_attempts_warm_starts_and_devices_are_counted(broker: str) -> None:
    contest = make_contest("digits")
    make_host(make_pool("cpu"), devices=[make_device(), make_device("gpu1", "quarantined")])
    for name, changes in (
        ("alice", {"attempt": 3, "pardoned": 1, "stages": {"warm": 1, "run_ms": 5}}),
        ("bob", {"attempt": 1, "stages": {"run_ms": 5}}),
    ):
        submission = make_submission(contest, make_user(name), status="FINISHED", public_score=0.5)
        Job.objects.filter(run__submission=submission).update(status="FINISHED", **changes)
    text = now()
    assert value(text, "podium_attempts_lost_total", pool="cpu") == 1
    assert value(text, "podium_starts_last_hour", pool="cpu", start="warm") == 1
    assert value(text, "podium_starts_last_hour", pool="cpu", start="cold") == 1
    assert value(text, "podium_devices", pool="cpu", state="quarantined") == 1
    assert value(text, "podium_hosts_live", pool="cpu") == 1
    assert (value(text, "podium_disk_free_bytes", holds="blobs") or 0) > 0


@pytest.mark.django_db
def test_streams_of_all_processes_are_summed_and_the_dead_are_forgotten(broker: str) -> None:
    with Redis.from_url(broker) as client:
        client.hset(
            census.KEY, mapping={"a": census.told(3), "b": census.told(4), "dead": census.told(9, now=1.0)}
        )
        text = now()
        assert value(text, "podium_live_streams") == 7
        assert value(text, "podium_web_processes") == 2
        assert client.hexists(census.KEY, "dead") is False


@pytest.mark.django_db
def test_without_a_broker_the_rest_is_told(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    text = now()
    assert value(text, "podium_live_streams") is None
    assert value(text, "podium_submissions_total") == 0


@pytest.mark.sandbox
def test_a_real_site_counts_its_streams_and_its_runs(stack: Stack) -> None:
    assert stack.wait_verdict(stack.submit(PERFECT))["verdict"] == "SCORED"
    listeners = [Listener(stack.port, "/live/board.1") for _ in range(3)]

    def told() -> str:
        return httpx.get(f"{stack.url}/metrics", timeout=10).text

    try:
        eventually(
            lambda: (value(told(), "podium_live_streams") or 0) >= 3, within_s=30, what="three streams"
        )
        assert (value(told(), "podium_run_seconds_count", kind="script", verdict="SCORED") or 0) >= 1
        assert value(told(), "podium_ready") == 1
    finally:
        for listener in listeners:
            listener.close()
