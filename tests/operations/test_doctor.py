"""Each thing that can be wrong is broken for real, found, told with what to do, and mended where that is possible."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import User
from compute.models import RunnerHost
from contests import blobs, unnamed
from contests.models import Blob, Check, Contest, Submission
from judge.models import Job, JobUpload, Run
from leaderboard import boards
from leaderboard.models import Board, BoardEntry, Score, ScoreEvent
from operations.doctor import examining, keeping
from tests.builders import (
    fill_board,
    make_blob,
    make_check,
    make_contest,
    make_host,
    make_pool,
    make_submission,
    make_user,
    task_version_of,
)
from tests.judge.host import Host
from tests.valkey import running_valkey

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_valkey(tmp_path_factory.mktemp("v")) as url:
        yield url


@pytest.fixture(autouse=True)
def _well(broker: str, settings: Settings, tmp_path: Path) -> None:
    """A broker, and a folder of its own: rows of earlier tests were rolled back, and their files were not."""
    settings.REDIS_URL = broker
    settings.PODIUM_BLOBS = settings.FILE_UPLOAD_TEMP_DIR = tmp_path


@pytest.fixture
def contest() -> Contest:
    make_host(make_pool("cpu"))
    make_host(make_pool("scoring", trusted=True))
    return make_contest("digits")


@pytest.fixture
def alice() -> User:
    return make_user("alice")


def doctor(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit status and findings."""
    capsys.readouterr()
    status = 0
    try:
        call_command("doctor", "--json", *words)
    except SystemExit as end:
        status = int(str(end.code))
    return status, [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


def found_and_mended(capsys: pytest.CaptureFixture[str], code: str) -> dict[str, Any]:
    """Assert that just this is found, that it is mended when asked, and not found again; the finding."""
    status, findings = doctor(capsys)
    assert (status, [finding["code"] for finding in findings]) == (1, [code])
    assert findings[0]["advice"]
    assert doctor(capsys)[1] == findings, "looking changed something"
    status, mended = doctor(capsys, "--repair")
    assert (status, [finding["mended"] for finding in mended]) == (0, [True])
    assert doctor(capsys) == (0, [])
    return findings[0]


def found_and_left(capsys: pytest.CaptureFixture[str], code: str, *words: str) -> dict[str, Any]:
    """Assert that just this is found and stays when mending is asked for; the finding."""
    status, findings = doctor(capsys, "--repair", *words)
    assert (status, [(f["code"], f["mended"]) for f in findings]) == (1, [(code, False)])
    return findings[0]


def long_ago(submission: Submission) -> Submission:
    Submission.objects.filter(pk=submission.pk).update(created_at=timezone.now() - HOUR)
    return submission


def test_nothing_is_found_where_all_is_well(
    contest: Contest, alice: User, capsys: pytest.CaptureFixture[str]
) -> None:
    fill_board(contest, 3)
    for status in ("QUEUED", "RUNNING", "SCORING", "FAILED", "CANCELLED"):
        make_submission(contest, alice, status=status)
    make_submission(contest, alice, status="FINISHED", verdict="RUNTIME_ERROR")
    assert doctor(capsys, "--deep") == (0, [])


def test_a_job_whose_host_fell_silent(
    contest: Contest, alice: User, capsys: pytest.CaptureFixture[str]
) -> None:
    submission = make_submission(contest, alice, status="RUNNING")
    Job.objects.update(lease_until=timezone.now() - HOUR)
    finding = found_and_mended(capsys, "overdue_job")
    assert "fell silent" in finding["what"]
    assert Job.objects.get(run__submission=submission).status == "QUEUED"


def test_after_an_outage_of_the_site_no_job_is_taken_from_a_host_that_may_come_back(
    contest: Contest, alice: User, capsys: pytest.CaptureFixture[str]
) -> None:
    submission = make_submission(contest, alice)
    host = Host()
    spec = host.must_claim()
    an_hour_ago = timezone.now() - HOUR
    Job.objects.update(lease_until=an_hour_ago)
    RunnerHost.objects.update(seen_at=an_hour_ago, heard_from=an_hour_ago - HOUR)
    assert "come back" in found_and_left(capsys, "overdue_job")["advice"]  # the site is still away
    assert Host(name="host-2").claim("scoring") is None  # it is back, and some host was heard first
    assert "come back" in found_and_left(capsys, "overdue_job")["advice"]
    assert host.heartbeat(spec).status_code == 200
    assert doctor(capsys) == (0, [])
    Job.objects.update(lease_until=an_hour_ago)
    RunnerHost.objects.filter(name="host-2").update(heard_from=an_hour_ago)
    Host(name="host-2").claim("scoring")  # heard all the while
    found_and_mended(capsys, "overdue_job")
    assert Job.objects.get(run__submission=submission).status == "QUEUED"


def test_a_job_whose_last_host_fell_silent(
    contest: Contest, alice: User, capsys: pytest.CaptureFixture[str]
) -> None:
    submission = make_submission(contest, alice, status="RUNNING")
    Job.objects.update(lease_until=timezone.now() - HOUR, attempt=3)
    found_and_mended(capsys, "overdue_job")
    submission.refresh_from_db()
    assert (submission.status, submission.verdict) == ("FAILED", "INTERNAL_ERROR")


def test_a_job_of_a_run_that_is_over(
    contest: Contest, alice: User, capsys: pytest.CaptureFixture[str]
) -> None:
    submission = make_submission(contest, alice, status="FINISHED", public_score=0.5)
    Job.objects.filter(run__submission=submission).update(status="QUEUED")
    found_and_mended(capsys, "needless_job")
    assert Job.objects.get(run__submission=submission).status == "CANCELLED"


def test_a_run_without_any_job(contest: Contest, alice: User, capsys: pytest.CaptureFixture[str]) -> None:
    submission = long_ago(make_submission(contest, alice))
    Job.objects.all().delete()
    found_and_mended(capsys, "stuck_run")
    assert Job.objects.get(run__submission=submission).status == "QUEUED"


def test_a_run_whose_jobs_have_all_ended(
    contest: Contest, alice: User, capsys: pytest.CaptureFixture[str]
) -> None:
    submission = long_ago(make_submission(contest, alice, status="SCORING"))
    Job.objects.filter(status__in=("QUEUED", "RUNNING")).update(status="FINISHED")
    found_and_mended(capsys, "stuck_run")
    submission.refresh_from_db()
    assert submission.verdict == "INTERNAL_ERROR"


def test_a_check_that_nobody_ends(contest: Contest, capsys: pytest.CaptureFixture[str]) -> None:
    check = make_check(task_version_of(contest))
    Check.objects.filter(pk=check.pk).update(
        status=Check.Status.RUNNING, created_at=timezone.now() - HOUR, finished_at=None
    )
    Job.objects.filter(task_check=check).update(status="CANCELLED")
    found_and_mended(capsys, "stuck_check")
    check.refresh_from_db()
    assert (check.status, check.finished_at is not None) == (Check.Status.FAILED, True)


@pytest.mark.parametrize(
    "wrong",
    [{"status": "FAILED"}, {"verdict": "RUNTIME_ERROR"}, {"public_score": 0.99}, {"private_score": None}],
    ids=str,
)
def test_a_summary_that_is_not_what_its_run_says(
    contest: Contest, alice: User, capsys: pytest.CaptureFixture[str], wrong: dict[str, Any]
) -> None:
    submission = make_submission(contest, alice, status="FINISHED", public_score=0.5)
    Submission.objects.filter(pk=submission.pk).update(**wrong)
    found_and_mended(capsys, "wrong_summary")
    mended = Submission.objects.get(pk=submission.pk)
    assert (mended.status, mended.verdict, mended.public_score, mended.private_score) == (
        "FINISHED",
        "SCORED",
        0.5,
        0.5,
    )


@pytest.mark.parametrize("harm", ["score", "missing", "stranger"])
def test_a_board_that_drifted(contest: Contest, capsys: pytest.CaptureFixture[str], harm: str) -> None:
    fill_board(contest, 3)
    board = boards.public_board(contest)
    assert board is not None
    first = BoardEntry.objects.filter(board=board).order_by("key").first()
    assert first is not None
    if harm == "score":
        BoardEntry.objects.filter(pk=first.pk).update(score=0.1, key=-0.1)
    elif harm == "missing":
        first.delete()
    else:
        BoardEntry.objects.filter(pk=first.pk).update(submissions=7)
    epoch = Board.objects.get(pk=board.pk).epoch
    found_and_mended(capsys, "board_drift")
    assert boards.materialised(board) == boards.recomputed(board)
    assert Board.objects.get(pk=board.pk).epoch == epoch + 1


def test_a_board_behind_its_events(contest: Contest, capsys: pytest.CaptureFixture[str]) -> None:
    fill_board(contest, 3)
    board = boards.public_board(contest)
    assert board is not None
    Board.objects.filter(pk=board.pk).update(version=1)
    found_and_mended(capsys, "board_version")
    assert Board.objects.get(pk=board.pk).version > 3


def test_a_score_that_no_board_knows_is_told(contest: Contest, capsys: pytest.CaptureFixture[str]) -> None:
    fill_board(contest, 1)
    ScoreEvent.objects.all().delete()
    BoardEntry.objects.all().delete()
    assert Score.objects.count() == 1
    found_and_left(capsys, "uncounted_score")


def test_jobs_that_wait_where_no_host_is(
    contest: Contest, alice: User, capsys: pytest.CaptureFixture[str]
) -> None:
    make_submission(contest, alice)
    Job.objects.update(queued_at=timezone.now() - 2 * HOUR)
    assert doctor(capsys) == (0, [])
    contest_pool = Job.objects.get().pool
    contest_pool.hosts.update(seen_at=timezone.now() - HOUR)
    finding = found_and_left(capsys, "waiting_pool")
    assert "no host" in finding["what"]


def test_a_row_whose_file_is_gone_is_told_with_who_needs_it(
    contest: Contest, alice: User, capsys: pytest.CaptureFixture[str]
) -> None:
    submission = make_submission(contest, alice, status="FINISHED", public_score=0.5, content=b"print(42)")
    blobs.remove(submission.blob_id)
    finding = found_and_left(capsys, "missing_file")
    assert str(submission.pk) in finding["what"]
    assert "backup" in finding["advice"]


def test_a_store_that_is_away_is_a_finding_and_no_end_of_the_look(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.PODIUM_S3 = ("http://127.0.0.1:1", "podium", "key", "secret", "us-east-1")
    status, findings = doctor(capsys, "--repair")
    assert status == 1
    assert {(finding["code"], finding["subject"]) for finding in findings} == {
        ("not_ready", "blobs"),
        ("not_ready", "store of files"),
    }
    assert len(findings) == 3  # both examinations of files, and the site's readiness


def test_a_row_that_nothing_needs_and_whose_file_is_gone(capsys: pytest.CaptureFixture[str]) -> None:
    blob = make_blob(b"nobody needs me")
    blobs.remove(blob.pk)
    found_and_mended(capsys, "row_without_file")
    assert not Blob.objects.filter(pk=blob.pk).exists()


def test_what_is_handed_in_while_the_doctor_looks_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = blobs.listed

    def meanwhile(**options: float) -> Any:
        found = list(listed(**options))
        make_blob(b"handed in while the store was listed")
        return iter(found)

    monkeypatch.setattr(blobs, "listed", meanwhile)
    assert [finding.code for finding in keeping.rows_without_file()] == []


def test_a_file_that_was_cut_off_is_told(contest: Contest, capsys: pytest.CaptureFixture[str]) -> None:
    place = blobs.path_of(task_version_of(contest).solution_id)
    content = place.read_bytes()
    place.chmod(0o600)
    place.write_bytes(content[:3])
    assert "3 bytes of" in found_and_left(capsys, "missing_file")["what"]


def test_a_file_whose_bytes_changed_is_found_by_a_deep_look(
    contest: Contest, capsys: pytest.CaptureFixture[str]
) -> None:
    place = blobs.path_of(task_version_of(contest).solution_id)
    content = place.read_bytes()
    place.chmod(0o600)
    place.write_bytes(b"X" + content[1:])
    assert doctor(capsys) == (0, [])
    found_and_left(capsys, "damaged_file", "--deep")


def aged(sha256: str) -> None:
    os.utime(blobs.path_of(sha256), (1e9, 1e9))


def test_a_file_without_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    sha256, _size = blobs.write([b"its writer died"], max_bytes=100)
    assert doctor(capsys) == (0, [])  # somebody may be writing it just now
    aged(sha256)
    found_and_mended(capsys, "file_without_row")
    assert not blobs.exists(sha256)


def test_a_file_that_nothing_refers_to(capsys: pytest.CaptureFixture[str]) -> None:
    blob = make_blob(b"no longer needed")
    aged(blob.pk)
    Blob.objects.update(created_at="2020-01-01T00:00:00Z")
    found_and_mended(capsys, "unnamed_file")
    assert not blobs.exists(blob.pk)
    assert not unnamed.rows().exists()


def test_uploads_that_were_cut_short(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    left = Path(settings.PODIUM_BLOBS) / "incoming-abc"
    left.write_bytes(b"half")
    os.utime(left, (1e9, 1e9))
    found_and_mended(capsys, "cut_short")
    assert not left.exists()


def test_uploads_of_ended_attempts(contest: Contest, alice: User, capsys: pytest.CaptureFixture[str]) -> None:
    submission = make_submission(contest, alice, status="FINISHED", public_score=0.5)
    job = Job.objects.get(run__submission=submission)
    Job.objects.update(finished_at=timezone.now() - 2 * HOUR)
    JobUpload.objects.create(job=job, attempt=1, blob=submission.blob)
    found_and_mended(capsys, "expired_uploads")
    assert not JobUpload.objects.exists()


def test_expired_sessions(capsys: pytest.CaptureFixture[str]) -> None:
    SessionStore().save()
    Session.objects.update(expire_date=timezone.now() - HOUR)
    found_and_mended(capsys, "expired_sessions")
    assert not Session.objects.exists()


def test_a_missing_migration_is_told_and_nothing_else_is_looked_at(
    capsys: pytest.CaptureFixture[str],
) -> None:
    MigrationRecorder(connection).record_unapplied("judge", "0001_initial")
    assert "judge.0001_initial" in found_and_left(capsys, "migrations")["what"]


def test_a_broker_that_is_away_is_told(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert found_and_left(capsys, "not_ready")["subject"] == "broker"


def test_words_for_people_say_what_is_left(
    contest: Contest, alice: User, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(25):
        submission = make_submission(contest, alice, status="FINISHED", public_score=0.5)
        Submission.objects.filter(pk=submission.pk).update(public_score=number)
    with pytest.raises(SystemExit):
        call_command("doctor")
    said = capsys.readouterr()
    assert "wrong_summary: 5 more" in said.out
    assert "25 left" in said.err
    assert "looking at summaries" in said.err
    assert Run.objects.count() == 25
    assert set(examining.EXAMINATIONS) >= {"boards", "summaries"}
