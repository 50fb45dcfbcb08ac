"""A populated site is a site: nothing in it is out of order, and it is never mixed with another."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from contests.models import Contest, Submission, Team
from judge.models import Job, Run, Turn
from leaderboard import boards
from leaderboard.models import Board, Score, ScoreEvent
from operations.doctor import examining
from tests.builders import make_contest

pytestmark = pytest.mark.django_db


def populate(**options: int | str | bool) -> str:
    said = StringIO()
    call_command("populate", submissions=300, teams=40, waiting=10, stdout=said, **options)
    return said.getvalue()


def test_its_boards_are_those_that_their_events_make() -> None:
    assert "300 of 300" in populate()
    assert Submission.objects.count() == Run.objects.count() == 300
    assert Team.objects.count() == 40
    assert Job.objects.filter(status="QUEUED").count() == 10
    scored = Submission.objects.filter(verdict="SCORED")
    assert Score.objects.count() == scored.count() > 200
    assert ScoreEvent.objects.count() == 2 * scored.count()
    assert Turn.objects.filter(contestant=0).count() == 2
    for board in Board.objects.all():
        assert boards.materialised(board) == boards.recomputed(board)
        assert board.version == scored.count()


def test_a_doctor_finds_nothing_wrong_with_it(settings: Settings, tmp_path: Path) -> None:
    # Folders of its own: rows of earlier tests were rolled back and their files were not.
    settings.PODIUM_BLOBS = settings.FILE_UPLOAD_TEMP_DIR = tmp_path
    populate()
    found = list(examining.examine(deep=True, say=lambda _words: None))
    # Nobody is there to run what waits, and here is no broker.
    assert [finding for finding in found if finding.code not in {"waiting_pool", "not_ready"}] == []


def test_the_same_seed_makes_the_same_submissions() -> None:
    populate()
    populate(contest="again", beside=True)
    populate(contest="other", beside=True, seed=2)
    first, again, other = (
        [
            *Submission.objects.filter(contest__slug=slug)
            .order_by("created_at")
            .values_list("kind", "public_score")
        ]
        for slug in ("large", "again", "other")
    )
    assert first == again != other


def test_a_site_with_contests_is_left_alone_unless_told_otherwise(settings: Settings) -> None:
    make_contest("digits")
    with pytest.raises(CommandError, match="--beside"):
        populate()
    assert Contest.objects.count() == 1
    with pytest.raises(CommandError, match="already"):
        populate(contest="digits", beside=True)
