"""Intake: what is accepted is kept whole and once; what is refused says why."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from compute.models import Pool
from contests import blobs
from contests.models import Submission
from judge import bell, intake, quotas
from judge.models import Job
from tests.builders import make_contest, make_user, phase_of
from tests.together import at_once

pytestmark = pytest.mark.django_db
CSV = b"id,target\n3,1\n4,0\n"


def upload(name: str = "train.py", content: bytes = b"print(1)\n") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def refusal(**arguments: object) -> intake.Rejected:
    with pytest.raises(intake.Rejected) as caught:
        intake.submit(**arguments)  # type: ignore[arg-type]
    assert not Submission.objects.filter(filename=getattr(arguments["file"], "name", "")).exists()
    return caught.value


def test_a_script_becomes_a_queued_run_and_its_bytes_are_kept() -> None:
    submission = intake.submit(user=make_user(), contest=make_contest(), file=upload(content=b"x = 1\n"))
    assert (submission.status, submission.kind) == ("QUEUED", "script")
    assert blobs.path_of(submission.blob_id).read_bytes() == b"x = 1\n"
    assert Job.objects.get().kind == "run"


def test_predictions_go_straight_to_the_trusted_pool() -> None:
    intake.submit(user=make_user(), contest=make_contest(), file=upload("answers.csv", CSV))
    job = Job.objects.select_related("pool").get()
    assert (job.kind, job.pool.trusted) == ("score", True)


def test_the_same_key_is_the_same_submission() -> None:
    user, contest = make_user(), make_contest()
    first = intake.submit(user=user, contest=contest, file=upload(), idempotency_key="k1")
    second = intake.submit(user=user, contest=contest, file=upload(), idempotency_key="k1")
    assert first.pk == second.pk
    assert Job.objects.count() == 1


def test_a_key_used_for_another_file_is_a_conflict() -> None:
    user, contest = make_user(), make_contest()
    intake.submit(user=user, contest=contest, file=upload(), idempotency_key="k1")
    refused = refusal(user=user, contest=contest, file=upload("b.py", b"2"), idempotency_key="k1")
    assert (refused.code, refused.status) == ("key_reused", 409)


def test_the_key_still_answers_after_the_deadline_and_over_the_quota() -> None:
    user, contest = make_user(), make_contest(daily_limit=1)
    first = intake.submit(user=user, contest=contest, file=upload(), idempotency_key="k1")
    assert intake.submit(user=user, contest=contest, file=upload(), idempotency_key="k1").pk == first.pk
    contest.phases.update(ends_at=timezone.now())
    assert intake.submit(user=user, contest=contest, file=upload(), idempotency_key="k1").pk == first.pk


def test_another_user_may_use_the_same_key() -> None:
    contest = make_contest()
    one = intake.submit(user=make_user("a"), contest=contest, file=upload(), idempotency_key="k")
    two = intake.submit(user=make_user("b"), contest=contest, file=upload(), idempotency_key="k")
    assert one.pk != two.pk


@pytest.mark.django_db(transaction=True)
def test_ten_uploads_at_once_with_one_key_are_one_submission() -> None:
    user, contest = make_user(), make_contest()
    results = at_once(
        [lambda: intake.submit(user=user, contest=contest, file=upload(), idempotency_key="k").pk] * 10,
        refusal=intake.Rejected,
    )
    assert len(results) == 10
    assert len(set(results)) == 1
    assert Submission.objects.count() == Job.objects.count() == 1


def test_an_upload_over_the_quota_is_refused_before_its_bytes_are_kept() -> None:
    user, contest = make_user(), make_contest(daily_limit=0)
    before = set(Path(settings.PODIUM_BLOBS).rglob("*"))
    assert refusal(user=user, contest=contest, file=upload(content=b"x" * 100_000)).status == 429
    assert set(Path(settings.PODIUM_BLOBS).rglob("*")) == before


def test_a_reused_key_never_answers_with_another_contests_submission() -> None:
    user, one, two = make_user(), make_contest("one"), make_contest("two")
    intake.submit(user=user, contest=one, file=upload(), idempotency_key="k")
    two.phases.update(ends_at=timezone.now())
    assert refusal(user=user, contest=two, file=upload("x.py"), idempotency_key="k").status == 409


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("model.exe", b"MZ", "wrong_kind"),
        ("noending", b"x", "wrong_kind"),
        ("empty.py", b"", "empty"),
        ("binary.py", b"\x7fELF\x00\x00", "binary"),
        ("huge.py", b"#" * ((1 << 20) + 1), "too_large"),
    ],
)
def test_an_unusable_file_is_refused_with_a_reason_and_leaves_nothing(
    name: str, content: bytes, code: str
) -> None:
    root = Path(settings.PODIUM_BLOBS)
    contest, user = make_contest(), make_user()
    before = {path for path in root.rglob("*") if path.is_file()}
    refused = refusal(user=user, contest=contest, file=upload(name, content))
    assert refused.code == code
    assert refused.message
    assert {path for path in root.rglob("*") if path.is_file()} == before


def test_a_contest_that_is_not_open_refuses() -> None:
    user = make_user()
    tomorrow = timezone.now() + datetime.timedelta(days=1)
    yesterday = timezone.now() - datetime.timedelta(seconds=1)
    early = make_contest("early", starts_at=tomorrow)
    late = make_contest("late", ends_at=yesterday)
    assert refusal(user=user, contest=early, file=upload()).status == 403
    assert refusal(user=user, contest=late, file=upload()).status == 403
    assert phase_of(late).ends_at == yesterday


def test_a_kind_the_task_does_not_take_is_refused() -> None:
    contest = make_contest(kinds=["predictions"])
    refused = refusal(user=make_user(), contest=contest, file=upload())
    assert ".csv" in refused.message
    assert ".py" not in refused.message


def test_an_environment_the_task_does_not_offer_is_refused_by_naming_those_it_does() -> None:
    contest = make_contest(environments=["python", "torch"])
    refused = refusal(user=make_user(), contest=contest, file=upload(), environment="tensorflow")
    assert "python, torch" in refused.message
    accepted = intake.submit(user=make_user("b"), contest=contest, file=upload(), environment="torch")
    assert accepted.environment.name == "torch"


@pytest.mark.parametrize(
    "name", ["../../etc/passwd.py", "a b\n.py", "\u202egpj.py", "x" * 300 + ".py", "C:\\t\\a.py"]
)
def test_an_odd_file_name_is_stored_harmless(name: str) -> None:
    submission = intake.submit(user=make_user(), contest=make_contest(), file=upload(name))
    stored = submission.filename
    assert stored.endswith(".py")
    assert len(stored) <= 120
    assert not set(stored) & set("/\\\n\u202e")


def test_an_upload_is_accepted_while_the_broker_is_down() -> None:
    submission = intake.submit(user=make_user(), contest=make_contest(), file=upload())
    assert not bell.ring("cpu")
    assert Job.objects.get(run__submission=submission).status == "QUEUED"


@pytest.mark.parametrize("other", [{"environment": "torch"}, {"task_slug": "another"}])
def test_a_key_used_again_for_another_environment_or_task_is_a_conflict(other: dict[str, str]) -> None:
    user, contest = make_user(), make_contest(environments=["python", "torch"])
    first = intake.submit(
        user=user, contest=contest, file=upload(), environment="python", idempotency_key="k"
    )
    with pytest.raises(intake.Rejected) as caught:
        intake.submit(user=user, contest=contest, file=upload(), idempotency_key="k", **other)
    assert caught.value.status == 409
    again = intake.submit(user=user, contest=contest, file=upload(), task_slug="main", idempotency_key="k")
    assert again.pk == first.pk


def test_without_a_trusted_pool_nothing_is_taken_in() -> None:
    contest = make_contest()
    Pool.objects.filter(trusted=True).update(trusted=False)
    assert refusal(user=make_user(), contest=contest, file=upload()).status == 503


def test_a_repetition_that_meets_the_quota_which_its_first_has_just_used_is_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first is accepted between the second's look for the key and its look at the quota."""
    user, contest = make_user(), make_contest(daily_limit=1)
    first: list[Submission] = []
    look = quotas.current_phase

    def meanwhile(*about: Any) -> object:
        monkeypatch.setattr(quotas, "current_phase", look)
        first.append(intake.submit(user=user, contest=contest, file=upload(), idempotency_key="k"))
        return look(*about)

    monkeypatch.setattr(quotas, "current_phase", meanwhile)
    again = intake.submit(user=user, contest=contest, file=upload(), idempotency_key="k")
    assert [again] == first
