"""Taking a submission in: checked, stored and queued, or refused with a sentence that says what to do.

Theory of operation. The bytes are written and synced first; then one transaction, under the lock of the contestant's
team, checks what may have changed meanwhile (the phase, quota, the same key twice) and writes the
Submission, its Run and the first Job. When `submit` returns, the submission survives a kill -9 of everything.

A deadline and a day are those of the moment at which the whole upload has arrived here, on this clock: the web server
calls `submit` then. An upload that began in time and was cut off by the deadline is late; one that had arrived is in
time, however long we take to store it or wait for the lock.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import functools
import hashlib
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from compute.models import Environment
from contests import blobs, joining, notebooks, rules, schedule, storage, unnamed
from contests.models import Blob, Contest, Participation, Phase, Submission, TaskVersion, Team
from judge import feed, first_look, projects, quotas, results, stages
from judge.models import Run
from leaderboard import boards
from runners.verdict import Verdict

MAX_SCRIPT_BYTES = 1 << 20
_TURN = threading.Semaphore()  # wakes who waits longest, unlike a Lock
MAX_KEY = 200
FULL = "contest_full"
MAX_NOTE = 300


class Rejected(Exception):
    """A submission was refused before it was accepted; `message` says why and what to do."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


@dataclasses.dataclass(frozen=True, slots=True)
class Accepted:
    """What the checks before the transaction settled."""

    contest: Contest
    phase: Phase
    version: TaskVersion
    environment: Environment
    kind: str
    filename: str
    sha256: str
    size: int
    note: str
    key: str | None = None


def submit(
    *,
    user: User,
    contest: Contest,
    file: UploadedFile[Any],
    task_slug: str | None = None,
    environment: str | None = None,
    note: str = "",
    idempotency_key: str | None = None,
) -> Submission:
    """Accept a file. The same user and key give the same submission, however often. Raises Rejected."""
    arrived_at = timezone.now()
    if idempotency_key is not None and not 0 < len(idempotency_key) <= MAX_KEY:
        raise Rejected("bad_key", _("Idempotency-Key must have 1 to 200 characters."))
    repeated = _repeated(user, idempotency_key)
    if repeated is not None:
        return _same(repeated, contest, file, task_slug=task_slug, environment=environment)
    try:
        phase = quotas.current_phase(contest, arrived_at)
        if phase is None:
            raise _closed(contest, arrived_at)
        place = _place(user, contest)
        # Asked again under the lock; here it keeps bytes that cannot be accepted from being written at all.
        _check_quota(place.team, phase, arrived_at)
        accepted = _check(contest, phase, file, task_slug=task_slug, environment=environment, note=note)
        try:
            return _accept(user, place, dataclasses.replace(accepted, key=idempotency_key), arrived_at)
        except Rejected as refused:
            _leave_nothing(refused, accepted)
            raise
    except (IntegrityError, Rejected):
        # Two uploads with one key at once: one got through. The other finds it, also where it was too late for the
        # last place in a quota, which that one took.
        repeated = _repeated(user, idempotency_key)
        if repeated is None:
            raise
        return _same(repeated, contest, file, task_slug=task_slug, environment=environment)


def _leave_nothing(refused: Rejected, accepted: Accepted) -> None:
    """A contest that is full refuses one file after the other, each written already: they would fill the disk.

    Of what is refused for other reasons here, a moment after those were asked, the hourly chore takes what is left.
    """
    if refused.code == FULL:
        unnamed.discard(accepted.sha256, accepted.size)
    elif not Blob.objects.filter(pk=accepted.sha256).exists():
        with contextlib.suppress(blobs.Vanished):
            blobs.record(accepted.sha256, accepted.size)


def _repeated(user: User, key: str | None) -> Submission | None:
    if not key:
        return None
    return Submission.objects.select_related("environment").filter(user=user, idempotency_key=key).first()


def _same(
    earlier: Submission,
    contest: Contest,
    file: UploadedFile[Any],
    *,
    task_slug: str | None,
    environment: str | None,
) -> Submission:
    """The earlier submission, when it is what is handed in again. Nothing is written to find that out."""
    if earlier.verdict == Verdict.CANCELLED and not earlier.file_kept:
        raise Rejected(
            "key_reused",
            _("This Idempotency-Key was used for a submission that was called back. Use a new key."),
            409,
        )
    made_in = earlier.environment
    other = bool(environment) and environment not in {made_in.name, made_in.identifier}
    if task_slug and not earlier.runs.filter(task_version__task__slug=task_slug).exists():
        other = True
    digest = hashlib.sha256()
    for piece in file.chunks():
        digest.update(piece)
    same = earlier.blob_id == digest.hexdigest()
    if other or earlier.contest_id != contest.pk or not same:
        raise Rejected(
            "key_reused",
            _("This Idempotency-Key was used before for something else. Use a new key."),
            409,
        )
    return earlier


def _check(
    contest: Contest,
    phase: Phase,
    file: UploadedFile[Any],
    *,
    task_slug: str | None,
    environment: str | None,
    note: str,
) -> Accepted:
    version = _version(phase, task_slug)
    filename = rules.safe_filename(file.name or "")
    kind = taken_kind(version, filename)
    if len(note) > MAX_NOTE:
        raise Rejected("long_note", _("The note is longer than 300 characters."))
    chosen = chosen_environment(version, environment)
    if results.scoring_pool() is None:
        raise no_scoring()
    sha256, size = stored(file, version, kind)
    return Accepted(contest, phase, version, chosen, kind, filename, sha256, size, note.replace("\x00", ""))


def no_scoring() -> Rejected:
    return Rejected(
        "no_scoring",
        _("Nothing can be scored at the moment: no runner pool is trusted with labels. Tell the organisers."),
        503,
    )


def taken_kind(version: TaskVersion, filename: str) -> str:
    """The kind that this file name stands for. Raises Rejected when the task does not take it."""
    kind = rules.kind_of(filename)
    projects_taken = Submission.Kind.PROJECT in version.kinds
    if projects_taken and filename.lower().endswith(projects.ARCHIVES):
        raise Rejected(
            "wrong_kind", _("Of archives only .zip is taken. %(advice)s") % {"advice": projects.pack_it()}
        )
    if kind == Submission.Kind.PROJECT and not projects_taken:
        wanted = ", ".join(s for s, k in rules.KIND_OF_SUFFIX.items() if k in version.kinds)
        raise Rejected(
            "wrong_kind",
            _("This task takes no projects (.zip). It takes files that end in: %(endings)s")
            % {"endings": wanted},
        )
    if kind is None or kind not in version.kinds:
        wanted = ", ".join(s for s, k in rules.KIND_OF_SUFFIX.items() if k in version.kinds)
        raise Rejected(
            "wrong_kind", _("This task takes files that end in: %(endings)s") % {"endings": wanted}
        )
    return kind


def _version(phase: Phase, task_slug: str | None) -> TaskVersion:
    versions = TaskVersion.objects.filter(task__phase=phase, active=True).order_by("task__position")
    if task_slug:
        versions = versions.filter(task__slug=task_slug)
    version = versions.select_related("task", "pool", "environment", "scoring_environment").first()
    if version is None:
        raise Rejected("no_task", _("There is no such task in this contest."), 404 if task_slug else 400)
    return version


def chosen_environment(version: TaskVersion, name: str | None) -> Environment:
    if not name or name in {version.environment.name, version.environment.identifier}:
        return version.environment
    offered = list(version.environments.all())
    for environment in offered:
        if name in {environment.name, environment.identifier}:
            return environment
    names = ", ".join(sorted({version.environment.name, *(e.name for e in offered)}))
    raise Rejected(
        "no_environment", _("This task runs in one of these environments: %(names)s") % {"names": names}
    )


def max_bytes(kind: str) -> int:
    own = {Submission.Kind.SCRIPT: MAX_SCRIPT_BYTES, Submission.Kind.NOTEBOOK: notebooks.MAX_BYTES}
    most: int = settings.PODIUM_MAX_UPLOAD_MB << 20
    return min(most, own.get(Submission.Kind(kind), most))


def stored(file: UploadedFile[Any], version: TaskVersion, kind: str) -> tuple[str, int]:
    limit = max_bytes(kind)
    if not file.size:
        raise Rejected("empty", _("The file is empty."))
    try:
        if kind == Submission.Kind.PROJECT and file.size <= limit:
            projects.check(file)
        pieces = _notebook(file) if kind == Submission.Kind.NOTEBOOK else _looked_at(file, version, kind)
        sha256, size = blobs.write(pieces, max_bytes=limit)
    except projects.NotAProject as error:
        raise Rejected("bad_project", str(error)) from error
    except notebooks.NotANotebook as error:
        raise Rejected("bad_notebook", str(error)) from error
    except blobs.TooLarge as error:
        raise Rejected(
            "too_large",
            _("The file is larger than the limit of %(limit)s MB.") % {"limit": limit >> 20},
            413,
        ) from error
    return sha256, size


def _looked_at(file: UploadedFile[Any], version: TaskVersion, kind: str) -> Iterator[bytes]:
    """The file's pieces. Those of a script are looked at, so that another file renamed to .py is refused at once."""
    for number, piece in enumerate(file.chunks()):
        if kind == Submission.Kind.SCRIPT:
            if number == 0 and (fault := first_look.fault_of_script(piece, version)):
                raise Rejected("binary", fault)
            if b"\x00" in piece:
                raise Rejected("binary", _("This is not a Python script: it holds binary data."))
        yield piece


def _notebook(file: UploadedFile[Any]) -> Iterator[bytes]:
    """The whole file as one piece, checked; of one that is too large no more is read than shows it."""
    content = bytearray()
    for piece in file.chunks():
        content += piece
        if len(content) > notebooks.MAX_BYTES:
            raise Rejected("too_large", str(notebooks.too_large()), 413)
    notebooks.check(bytes(content))
    yield bytes(content)


def _place(user: User, contest: Contest) -> Participation:
    try:
        return joining.require(user, contest)
    except joining.NotAdmitted as refused:
        raise Rejected(refused.code, refused.message, refused.status) from refused


def _closed(contest: Contest, now: datetime.datetime) -> Rejected:
    """The refusal of a contest that is not open, with the date that matters."""
    about = schedule.of(contest.phases.all(), now)
    sentence = _("This contest does not take submissions now.")
    if about is not None and about.state == "upcoming":
        sentence += " " + _("It starts at %(time)s.") % {"time": _moment(about.phase.starts_at)}
    elif about is not None and about.phase.ends_at is not None:
        sentence += " " + _("It ended at %(time)s.") % {"time": _moment(about.phase.ends_at)}
    return Rejected("closed", sentence, 403)


def _moment(at: datetime.datetime) -> str:
    return f"{at.astimezone(datetime.UTC):%Y-%m-%d %H:%M} UTC"


def _check_quota(team: Team, phase: Phase, arrived_at: datetime.datetime, gpu_s: float = 0.0) -> None:
    """Refuse what finds no room in the quota, or fewer than `gpu_s` GPU seconds."""
    if spent := quotas.of(team, phase, arrived_at, gpu_needed_s=gpu_s).spent:
        raise Rejected("quota", spent, 429)


def _accept(user: User, place: Participation, accepted: Accepted, at: datetime.datetime) -> Submission:
    gpu_s = stages.most_gpu_s(accepted.version, accepted.kind)
    with _in_turn(), transaction.atomic():
        storage.lock(accepted.contest)  # before the team's, as whoever changes a team's name does
        # The lock makes the count below exact for the whole team. (SQLite: this transaction holds the write lock.)
        team = Team.objects.select_for_update(no_key=True).get(pk=place.team_id)
        if _repeated(user, accepted.key) is not None:
            raise IntegrityError("this key was accepted a moment ago")
        # Its organisers may have changed it while the file came in.
        phase = Phase.objects.get(pk=accepted.phase.pk)
        if not rules.is_open(at, phase.starts_at, phase.ends_at):
            raise _closed(accepted.contest, at)
        _place(user, accepted.contest)  # an organiser may have decided otherwise meanwhile
        _check_quota(team, phase, at, gpu_s)
        _check_storage(accepted)
        return _write(user, team, accepted, at, gpu_s)


def _in_turn() -> AbstractContextManager[Any]:
    """SQLite lets in whoever happens to try when its lock is free: of a hundred who wait some wait in vain. First come,
    first served, among those of this process; PostgreSQL's locks do that by themselves.
    """
    return _TURN if connection.vendor == "sqlite" else nullcontext()


def _check_storage(accepted: Accepted) -> None:
    try:
        storage.check(accepted.contest, sha256=accepted.sha256, size=accepted.size)
    except storage.Full as full:
        raise Rejected(FULL, full.message, 413) from full


def _write(user: User, team: Team, accepted: Accepted, at: datetime.datetime, gpu_s: float) -> Submission:
    submission = Submission.objects.create(
        contest=accepted.contest,
        phase=accepted.phase,
        team=team,
        user=user,
        kind=accepted.kind,
        filename=accepted.filename,
        blob=blobs.record(accepted.sha256, accepted.size),
        environment=accepted.environment,
        note=accepted.note,
        idempotency_key=accepted.key,
        created_at=at,
    )
    run = Run.objects.create(submission=submission, task_version=accepted.version, gpu_held_s=gpu_s)
    boards.open_boards(accepted.phase)
    results.queue_first(run)
    transaction.on_commit(functools.partial(feed.status_changed, submission.pk))
    return submission
