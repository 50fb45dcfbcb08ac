"""Files, boards and rows that are left over."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator

from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils import timezone

from contests import blobs, unnamed
from contests.models import Blob
from judge import retention
from leaderboard import boards
from leaderboard.models import Board, Score, ScoreEvent
from operations import health
from operations.doctor.finding import Finding

FROM_A_BACKUP = "Put it back from a backup: it lies there under blobs/, by this name."


def migrations() -> Iterator[Finding]:
    missing = health.missing_migrations()
    if missing:
        names = ", ".join(sorted(f"{app}.{name}" for app, name in missing))
        yield Finding(
            "migrations",
            "database",
            f"not applied: {names}",
            "Run `manage.py migrate`; a start does it, too.",
        )


def rows_without_file() -> Iterator[Finding]:
    """Rows that name bytes the store does not have."""
    lying = dict(blobs.listed())
    for blob in Blob.objects.order_by("pk").iterator():
        if lying.get(blob.pk) == blob.size or not _still_without_file(blob):
            continue
        state = "is missing" if blob.pk not in lying else f"has {lying[blob.pk]} bytes of {blob.size}"
        if not unnamed.users_of(blob):
            yield Finding(
                "row_without_file",
                f"blob {blob.pk}",
                f"its file {state}, and nothing refers to it",
                "Mended by deleting the row.",
                functools.partial(unnamed.remove, blob.pk, size=blob.size),
            )
        else:
            yield Finding(
                "missing_file", f"blob {blob.pk}", f"its file {state}; {_needed_by(blob)}", FROM_A_BACKUP
            )


def _still_without_file(blob: Blob) -> bool:
    """Whether the row is still there and its file not, or cut off: while we looked, the site went on."""
    if not Blob.objects.filter(pk=blob.pk).exists():
        return False
    try:
        with blobs.opened(blob.pk) as file:
            return sum(map(len, blobs.chunks_of(file))) != blob.size
    except FileNotFoundError:
        return True


def _needed_by(blob: Blob) -> str:
    users = [f"{row._meta.verbose_name} {row.pk}" for row in unnamed.users_of(blob)]  # noqa: SLF001
    return f"needed by {', '.join(users)}"


def files_without_row() -> Iterator[Finding]:
    """What writers left who died between the bytes and the row, and what nothing refers to any more."""
    for sha256, size in unnamed.files_without_row():
        yield _left_over("file_without_row", sha256, size, "no row names it")
    for blob in unnamed.removable():
        yield _left_over("unnamed_file", blob.pk, blob.size, "nothing refers to it")


def _left_over(code: str, sha256: str, size: int, why: str) -> Finding:
    repair = functools.partial(unnamed.remove, sha256, size=size)
    return Finding(code, f"file {sha256}", f"{why}; {size} bytes", "Mended by deleting it.", repair)


def damaged_files() -> Iterator[Finding]:
    """Files whose bytes are not those of their name. Reads everything."""
    for sha256, _size in blobs.listed():
        digest = hashlib.sha256()
        for piece in blobs.pieces_of(sha256):
            digest.update(piece)
        if digest.hexdigest() != sha256:
            yield Finding(
                "damaged_file", f"file {sha256}", "its bytes are others than its name says", FROM_A_BACKUP
            )


def cut_short() -> Iterator[Finding]:
    count = len(list(blobs.cut_short()))
    if count:
        yield Finding(
            "cut_short",
            "uploads",
            f"{count} files were never finished",
            "Mended by deleting them.",
            blobs.remove_cut_short,
        )


def expired_uploads() -> Iterator[Finding]:
    now = timezone.now()
    count = retention.expired_uploads(now).count()
    if count:
        yield Finding(
            "expired_uploads",
            "attempts",
            f"{count} files of ended attempts are still kept apart",
            "Mended by forgetting them; the hourly chore does it, so look whether beat runs.",
            functools.partial(retention.remove_uploads, now),
        )


def board_drift() -> Iterator[Finding]:
    """Boards whose rows are not what their events say."""
    for board in Board.objects.select_related("phase__contest").order_by("pk"):
        name = f"board {board.pk} ({board.audience} of {board.phase.contest.slug})"
        if boards.materialised(board) != boards.recomputed(board):
            yield Finding(
                "board_drift",
                name,
                "its rows are not what its events say",
                "Mended by making it anew from its events.",
                functools.partial(boards.rebuild, board),
            )
        last = (
            ScoreEvent.objects.filter(board=board)
            .order_by("-version")
            .values_list("version", flat=True)
            .first()
        )
        if last is not None and last > board.version:
            yield Finding(
                "board_version",
                name,
                f"its version {board.version} is behind its last event {last}",
                "Mended by raising it.",
                functools.partial(_raise_version, board.pk, last),
            )


def _raise_version(board_id: int, last: int) -> None:
    Board.objects.filter(pk=board_id, version__lt=last).update(version=last)
    boards.rebuild(Board.objects.get(pk=board_id))


def uncounted_scores() -> Iterator[Finding]:
    """Scores of contestants that stand on no board."""
    counted = ScoreEvent.objects.values("submission")
    for score in Score.objects.filter(submission__trial=False).exclude(submission__in=counted):
        yield Finding(
            "uncounted_score",
            f"submission {score.submission_id}",
            "it has a score, and no board knows of it",
            "Judge the submission again (in the admin, or `…/rejudge/` of the API).",
        )


def sessions() -> Iterator[Finding]:
    old = Session.objects.filter(expire_date__lt=timezone.now())
    count = old.count()
    if count:
        yield Finding(
            "expired_sessions", "sessions", f"{count} have expired", "Mended by deleting them.", old.delete
        )


def space() -> Iterator[Finding]:
    health.STORE.forget()
    for name, part in health.look().parts.items():
        if not part.ok and name != "migrations":
            yield Finding(
                "not_ready",
                name,
                part.problem,
                f"See /readyz in docs/operate.md. Space that must be left: {settings.PODIUM_DISK_LOW_MB} MB.",
            )
