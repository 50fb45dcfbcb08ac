"""Blobs that nothing refers to are deleted, and never one that somebody is about to refer to."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings as site
from django.db import connection, transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from contests import blobs, stores, unnamed
from contests.models import Blob, Removal, StarterCode
from judge import tasks
from tests.builders import make_blob, make_contest, make_submission, make_user

DAY_AGO = time.time() - 86_400


@pytest.fixture(autouse=True)
def _own_folder(settings: Settings, tmp_path: Path) -> None:
    """Rows are rolled back and files are not: old ones without a row would be found by others."""
    settings.PODIUM_BLOBS = tmp_path


def aged(blob: Blob) -> Blob:
    """The same blob, written and recorded a day ago."""
    os.utime(blobs.path_of(blob.sha256), (DAY_AGO, DAY_AGO))
    Blob.objects.filter(pk=blob.pk).update(created_at="2026-01-01T00:00:00Z")
    return blob


@pytest.mark.django_db
def test_what_nothing_refers_to_goes_row_and_bytes() -> None:
    lost = aged(make_blob(b"nobody names me"))
    removed = unnamed.remove_rows()
    assert (removed.files, removed.bytes) == (1, len(b"nobody names me"))
    assert not blobs.exists(lost.sha256)
    assert not Blob.objects.filter(pk=lost.pk).exists()


@pytest.mark.django_db
def test_what_anything_refers_to_stays() -> None:
    contest = make_contest("digits")
    submission = make_submission(
        contest, make_user("alice"), status="FINISHED", public_score=0.5, files={"a.bin": b"an output"}
    )
    StarterCode.objects.create(contest=contest, name="s.py", title="S", blob=make_blob(b"starter"))
    before = {blob.pk for blob in Blob.objects.all()}
    for blob in Blob.objects.all():
        aged(blob)
    assert unnamed.remove_rows().files == 0
    assert {blob.pk for blob in Blob.objects.all()} == before
    assert blobs.exists(submission.blob_id)
    assert all(map(blobs.exists, before))


@pytest.mark.django_db
def test_what_was_written_again_lately_stays() -> None:
    again = aged(make_blob(b"handed in again"))
    blobs.write([b"handed in again"], max_bytes=100)
    assert unnamed.remove_rows().files == 0
    assert blobs.exists(again.sha256)


@pytest.mark.django_db
def test_a_file_whose_writer_died_before_its_row_is_found_and_removed() -> None:
    sha256, size = blobs.write([b"no row"], max_bytes=100)
    assert (sha256, size) not in unnamed.files_without_row()
    os.utime(blobs.path_of(sha256), (DAY_AGO, DAY_AGO))
    assert (sha256, size) in unnamed.files_without_row()
    assert unnamed.remove(sha256, size=size)
    assert not blobs.exists(sha256)
    assert not Blob.objects.filter(pk=sha256).exists()


@pytest.mark.django_db
def test_a_row_without_bytes_that_nothing_refers_to_goes() -> None:
    blob = aged(make_blob(b"crashed in between"))
    blobs.remove(blob.sha256)
    assert unnamed.remove_rows().files == 1
    assert not Blob.objects.filter(pk=blob.pk).exists()


@pytest.mark.django_db
def test_bytes_that_were_deleted_before_they_were_recorded_are_asked_for_again() -> None:
    sha256, size = blobs.write([b"too slow"], max_bytes=100)
    os.utime(blobs.path_of(sha256), (DAY_AGO, DAY_AGO))
    unnamed.remove(sha256, size=size)
    with pytest.raises(blobs.Vanished):
        blobs.record(sha256, size)


@pytest.mark.django_db(transaction=True)
def test_an_upload_of_the_same_content_at_the_same_moment_never_loses_its_bytes() -> None:
    """Fifty times: one thread deletes what nothing names, the other records the same content and keeps it."""
    contest = make_contest("digits")
    content = b"the same bytes, over and over"

    def keep(number: int, outcomes: list[str]) -> None:
        try:
            written = blobs.write([content], max_bytes=100)
            with transaction.atomic():
                blob = blobs.record(*written)
                StarterCode.objects.create(contest=contest, name=f"{number}.py", title="S", blob=blob)
            outcomes.append("kept")
        except blobs.Vanished:
            outcomes.append("vanished")
        finally:
            connection.close()

    for number in range(50):
        blob = make_blob(content)
        outcomes: list[str] = []
        writer = threading.Thread(target=keep, args=(number, outcomes))
        writer.start()
        unnamed.remove(blob.sha256, size=blob.size, older_than_s=-5)  # as if all that is written were old
        writer.join(30)
        named = StarterCode.objects.filter(blob_id=blob.pk).exists()
        assert outcomes == (["kept"] if named else ["vanished"])
        if named:
            assert b"".join(blobs.pieces_of(blob.sha256)) == content
        StarterCode.objects.all().delete()


class HeldStore(stores.Folder):
    """The folder, whose deletions take as long as a store far away may take."""

    def __init__(self) -> None:
        super().__init__(Path(site.PODIUM_BLOBS))
        self.deleting, self.go_on = threading.Event(), threading.Event()

    def remove(self, sha256: str) -> None:
        self.deleting.set()
        assert self.go_on.wait(30)
        super().remove(sha256)


@pytest.mark.django_db(transaction=True)
def test_while_bytes_are_being_deleted_no_lock_is_held_and_the_same_content_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = b"deleted slowly"
    blob = aged(make_blob(content))
    written_before = blobs.write([content], max_bytes=100)
    aged(blob)
    held = HeldStore()
    monkeypatch.setattr(stores, "chosen", lambda: held)
    outcome: list[bool] = []

    def remove() -> None:
        outcome.append(unnamed.remove(blob.pk, size=blob.size))
        connection.close()

    remover = threading.Thread(target=remove)
    remover.start()
    assert held.deleting.wait(30)
    make_contest("digits")  # others write to the database meanwhile
    # A second one would be done at another time: writers would be called in while it still deletes.
    assert not unnamed.remove(blob.pk, size=blob.size, older_than_s=None)
    with pytest.raises(blobs.Vanished):
        blobs.write([content], max_bytes=100)
    with pytest.raises(blobs.Vanished), transaction.atomic():
        blobs.record(*written_before)
    held.go_on.set()
    remover.join(30)
    assert outcome == [True]
    with (
        pytest.raises(blobs.Vanished),
        transaction.atomic(),
    ):  # written before the deletion, recorded after it
        blobs.record(*written_before)
    with transaction.atomic():
        blobs.record(*blobs.write([content], max_bytes=100))
    assert b"".join(blobs.pieces_of(blob.pk)) == content


@pytest.mark.django_db
def test_what_is_handed_out_by_its_digest_after_the_sweep_has_asked_stays() -> None:
    """A sweep asks once what running jobs need; a claim in the next moment names a file of ours that is on its list."""
    program = aged(blobs.store_bytes(b"our own program"))
    Blob.objects.filter(pk=program.pk).update(named_at="2026-01-01T00:00:00Z")
    listed = unnamed.removable()
    assert [blob.pk for blob in listed] == [program.pk]
    blobs.store_bytes(b"our own program")
    assert not unnamed.remove(program.pk, size=program.size)
    unnamed.discard(program.pk, program.size)  # nor can a contestant have it deleted by handing it in
    assert blobs.exists(program.pk)


def test_the_chore_that_carries_on_with_removals_is_called_every_five_minutes() -> None:
    (entry,) = (entry for entry in site.CELERY_BEAT_SCHEDULE.values() if entry["task"] == tasks.removals.name)
    assert entry["schedule"] == 300.0


@pytest.mark.django_db
@pytest.mark.parametrize("chore", [unnamed.remove_rows, tasks.removals], ids=["hourly", "every five minutes"])
def test_a_removal_whose_process_died_is_carried_on_with_by_a_later_chore(
    chore: Callable[[], object],
) -> None:
    blob = make_blob(b"half deleted")
    Blob.objects.filter(pk=blob.pk).delete()
    Removal.objects.create(sha256=blob.pk, size=blob.size, announced_at=timezone.now())
    chore()
    assert blobs.exists(blob.pk), "its process may still be at work"
    Removal.objects.update(announced_at=timezone.now() - unnamed.TAKEN_OVER)
    chore()
    assert not blobs.exists(blob.pk)
    Removal.objects.update(announced_at=timezone.now() - unnamed.REMEMBERED)
    chore()
    assert not Removal.objects.exists()
