"""What old runs left behind is deleted, and nothing that a score, a board or another contest needs."""

from __future__ import annotations

import datetime as dt
import io
import os
import time

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django.fixtures import Settings

from compute.models import RunnerHost
from contests import blobs
from contests.models import Blob, Contest, Submission
from judge import logs, rejudging, retention, tasks
from judge.models import Job, JobUpload, LogChunk, Run, RunFile, UsageSample
from leaderboard import boards
from leaderboard.models import Score
from tests.builders import make_blob, make_contest, make_host, make_pool, make_submission, make_user

pytestmark = pytest.mark.django_db
LOG = b"epoch 1 loss 0.5\n"


def ended(contest: Contest, name: str, *, days_ago: float, output: bytes = b"outputs") -> Submission:
    """A scored submission with all that a run leaves, ended so long ago."""
    at = timezone.now() - dt.timedelta(days=days_ago)
    submission = make_submission(
        contest,
        make_user(name),
        status="FINISHED",
        public_score=0.75,
        log=LOG,
        files={"submission.csv": output, "main.ipynb": b"executed " + name.encode()},
        content=f"print('{name}')".encode(),
        created_at=at,
    )
    job = Job.objects.get(run__submission=submission)
    UsageSample.objects.create(job=job, attempt=1, number=0, wall_s=1, cpu_s=1, memory=1, disk=1)
    JobUpload.objects.create(job=job, attempt=1, blob=make_blob(output))
    Job.objects.filter(pk=job.pk).update(predictions=make_blob(output))
    return submission


def everything_is_old() -> None:
    for blob in Blob.objects.all():
        os.utime(blobs.path_of(blob.pk), (1e9, 1e9))
    Blob.objects.update(created_at="2020-01-01T00:00:00Z")


def left_of(submission: Submission) -> tuple[int, int, int, int]:
    run = submission.runs.get()
    return (
        LogChunk.objects.filter(job__run=run).count(),
        UsageSample.objects.filter(job__run=run).count(),
        RunFile.objects.filter(run=run).count(),
        JobUpload.objects.filter(job__run=run).count(),
    )


def test_after_its_days_a_run_keeps_its_results_and_loses_the_rest() -> None:
    contest = make_contest("digits", retention_days=30)
    old, young = ended(contest, "alice", days_ago=31), ended(contest, "bob", days_ago=29, output=b"other")
    everything_is_old()
    tasks.tidy()
    assert left_of(old) == (0, 0, 0, 0)
    assert left_of(young)[:3] == (1, 1, 2)
    assert logs.read(old) == logs.LogPart(0, "", 0, complete=True, gone=True)
    assert logs.read(young).text == LOG.decode()
    run = old.runs.get()
    assert (run.verdict, run.facts["wall_s"]) == ("SCORED", 12.0) or run.verdict == "SCORED"
    assert Score.objects.filter(submission=old).count() == 1
    assert blobs.exists(old.blob_id)
    board = boards.public_board(contest)
    assert board is not None
    assert boards.materialised(board) == boards.recomputed(board)
    assert len(boards.rows(board)) == 2


def test_the_bytes_go_and_those_that_another_run_shares_stay() -> None:
    contest = make_contest("digits", retention_days=30)
    shared = b"the same predictions"
    ended(contest, "alice", days_ago=31, output=shared)
    ended(contest, "bob", days_ago=1, output=shared)
    everything_is_old()
    tasks.tidy()
    assert blobs.exists(make_blob(shared).pk)
    assert not Blob.objects.filter(pk=blob_name(b"executed alice")).exists()
    assert not blobs.exists(blob_name(b"executed alice"))
    assert blobs.exists(blob_name(b"executed bob"))


def blob_name(content: bytes) -> str:
    import hashlib  # noqa: PLC0415

    return hashlib.sha256(content).hexdigest()


def test_a_contest_without_a_number_keeps_everything() -> None:
    old = ended(make_contest("digits"), "alice", days_ago=80)
    everything_is_old()
    retention.remove()
    assert left_of(old)[:3] == (1, 1, 2)


def test_predictions_that_were_handed_in_stay_and_can_be_judged_again() -> None:
    contest = make_contest("digits", retention_days=1)
    submission = make_submission(
        contest,
        make_user("alice"),
        status="FINISHED",
        kind="predictions",
        public_score=0.5,
        created_at=timezone.now() - dt.timedelta(days=9),
    )
    everything_is_old()
    tasks.tidy()
    assert Job.objects.get(run__submission=submission).predictions_id == submission.blob_id
    again = rejudging.rejudge(submission)
    assert again.jobs.get().predictions_id == submission.blob_id


def test_a_run_that_is_under_way_is_left_alone() -> None:
    contest = make_contest("digits", retention_days=1)
    running = make_submission(
        contest,
        make_user("alice"),
        status="RUNNING",
        log=LOG,
        created_at=timezone.now() - dt.timedelta(days=9),
    )
    retention.remove()
    assert left_of(running)[0] == 1
    assert Run.objects.get(submission=running).status == "RUNNING"


def test_usage_curves_of_all_contests_go_after_the_sites_days(settings: Settings) -> None:
    old = ended(make_contest("digits"), "alice", days_ago=100)
    assert left_of(old)[1] == 1
    settings.PODIUM_USAGE_DAYS = 0
    retention.remove()
    assert left_of(old)[1] == 1
    settings.PODIUM_USAGE_DAYS = 90
    retention.remove()
    assert left_of(old)[:3] == (1, 0, 2)


def test_points_of_a_job_that_never_ends_do_not_keep_those_behind_them(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "OLDEST", 1)
    contest = make_contest("digits")
    stuck = make_submission(contest, make_user("stuck"), status="RUNNING")
    UsageSample.objects.create(
        job=Job.objects.get(run__submission=stuck), attempt=1, number=0, wall_s=1, cpu_s=1, memory=1, disk=1
    )
    old, young = ended(contest, "alice", days_ago=100), ended(contest, "bob", days_ago=1)
    settings.PODIUM_USAGE_DAYS = 90
    retention.remove()
    assert [left_of(each)[1] for each in (stuck, old, young)] == [1, 0, 1]


def test_uploads_of_ended_and_lost_attempts_go_and_those_of_a_running_one_stay() -> None:
    contest = make_contest("digits")
    ended(contest, "alice", days_ago=1)
    running = make_submission(contest, make_user("bob"), status="RUNNING")
    job = Job.objects.get(run__submission=running)
    Job.objects.filter(pk=job.pk).update(attempt=2)
    lost = JobUpload.objects.create(job=job, attempt=1, blob=make_blob(b"lost"))
    kept = JobUpload.objects.create(job=job, attempt=2, blob=make_blob(b"kept"))
    retention.remove()
    assert list(JobUpload.objects.all()) == [kept]
    assert lost.pk != kept.pk


def test_a_host_that_nobody_has_heard_for_a_month_is_forgotten() -> None:
    pool = make_pool("cpu")
    for name, days in (("gone", 31), ("on-holiday", 29)):
        make_host(pool, name=name)
        RunnerHost.objects.filter(name=name).update(seen_at=timezone.now() - dt.timedelta(days=days))
    tasks.tidy()
    assert list(pool.hosts.values_list("name", flat=True)) == ["on-holiday"]


def test_a_dry_run_tells_what_would_go_and_changes_nothing() -> None:
    contest = make_contest("digits", retention_days=30, storage_mb=5)
    old = ended(contest, "alice", days_ago=31)
    everything_is_old()
    before = left_of(old)
    said = io.StringIO()
    call_command("tidy", "--dry-run", stdout=said)
    assert "digits: 1 run" in said.getvalue()
    assert "2 files" in said.getvalue()
    assert "of 5 MB" in said.getvalue()
    assert "nothing was changed" in said.getvalue()
    assert left_of(old) == before
    said = io.StringIO()
    call_command("tidy", stdout=said)
    assert left_of(old) == (0, 0, 0, 0)
    again = io.StringIO()
    call_command("tidy", "--dry-run", stdout=again)
    assert "digits: nothing" in again.getvalue()


def test_asking_what_is_left_does_not_multiply_lines_by_points_by_files() -> None:
    contest = make_contest("digits", retention_days=30)
    old = ended(contest, "alice", days_ago=31)
    job, blob = Job.objects.get(run__submission=old), make_blob(b"one of many")
    LogChunk.objects.bulk_create(
        LogChunk(job=job, attempt=1, offset=1000 + number, data=b"x") for number in range(400)
    )
    UsageSample.objects.bulk_create(
        UsageSample(job=job, attempt=1, number=number, wall_s=1, cpu_s=1, memory=1, disk=1)
        for number in range(1, 400)
    )
    RunFile.objects.bulk_create(
        RunFile(run=old.runs.get(), name=f"{number}.png", blob=blob) for number in range(100)
    )
    began = time.process_time()
    assert retention.left(contest, timezone.now()).files == 102
    assert time.process_time() - began < 1.0  # sixteen million joined rows take SQLite four seconds
    assert retention.remove() == 1
    assert left_of(old)[:3] == (0, 0, 0)
