"""A backup of a site that is used, and the same site again from it; halves, damage and newer versions are refused."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgres
from tests.cluster import cluster
from tests.stack import PERFECT, ROOT, Stack, eventually, free_port, running_stack

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(600)]
WHAT = """
import hashlib, json
from contests.models import Blob, Submission
from contests import blobs
from leaderboard import boards
from leaderboard.models import Board, Score, ScoreEvent
from accounts.models import User
from judge.models import Run, RunFile
SHOWN = ("pk", "status", "verdict", "public_score", "private_score", "blob")
told = {
    "people": sorted(User.objects.values_list("username", "password")),
    "submissions": [str(row) for row in Submission.objects.order_by("pk").values_list(*SHOWN)],
    "scores": [str(row) for row in Score.objects.order_by("pk").values_list()],
    "events": [str(row) for row in ScoreEvent.objects.order_by("pk").values_list()],
    "boards": [str(boards.rows(board)) for board in Board.objects.order_by("pk")],
    "runs": [str(row) for row in Run.objects.order_by("pk").values_list("pk", "verdict", "facts")],
    "files": {blob.pk: hashlib.sha256(b"".join(blobs.pieces_of(blob.pk))).hexdigest() for blob in Blob.objects.all()},
}
print(json.dumps(told, sort_keys=True))
"""
HEARD_NOW = """
from django.utils import timezone
from compute.models import RunnerHost
assert RunnerHost.objects.update(seen_at=timezone.now())
"""
HOLDS_THE_LOCK = """
import fcntl, os, sys, time
fcntl.flock(os.open(sys.argv[1], os.O_RDWR | os.O_CREAT), fcntl.LOCK_EX)
print('held', flush=True)
time.sleep(60)
"""
DIE_AFTER = """
import os, signal
import django
django.setup()
from contests import blobs
counted = 0
def dying(before):
    def step(*args, **options):
        global counted
        counted += 1
        if counted > {after}:
            os.kill(os.getpid(), signal.SIGKILL)
        return before(*args, **options)
    return step
"""


@pytest.fixture(scope="module")
def site(services: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A site with some judged submissions, which is not stopped for being backed up."""
    with running_stack(tmp_path_factory.mktemp("backed-up")) as stack:
        for user in ("alice", "bob", "carol"):
            stack.submit(PERFECT + f"# {user}\n".encode(), user=user)
        for user in ("alice", "bob", "carol"):
            last = stack.post(PERFECT, user=user).json()["id"]
            assert stack.wait_verdict(last, user=user)["verdict"] == "SCORED"
        yield stack


def manage(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def copy(site: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup for those who only read it."""
    target = tmp_path_factory.mktemp("backup") / "copy"
    assert manage(site.environment, "backup", str(target)).returncode == 0
    return target


def empty_site(site: Stack, folder: Path) -> Stack:
    """A site beside the first, that nobody has used and that does not run."""
    var = folder / "other-var"
    var.mkdir(parents=True)
    environment = site.environment | {"PODIUM_VAR": str(var)}
    if socket := cluster():
        name = f"restored_{secrets.token_hex(6)}"
        postgres.make_database(socket, name)
        environment["PODIUM_DATABASE_URL"] = postgres.address(socket, name)
    return Stack(var, free_port(), site.tokens, environment, site.beside)


def is_empty(stack: Stack) -> bool:
    return stack.query("from operations.backup import database\nprint(database.is_empty(), end='')") == "True"


def what(stack: Stack) -> dict[str, object]:
    told: dict[str, object] = json.loads(stack.query(WHAT))
    return told


@pytest.mark.parametrize("name", [pytest.param("copy", marks=pytest.mark.once), "copy.tar"])
def test_an_empty_site_becomes_the_one_that_was_backed_up(site: Stack, tmp_path: Path, name: str) -> None:
    made = manage(site.environment, "backup", str(tmp_path / name))
    assert made.returncode == 0, made.stderr
    assert "copying the database" in made.stdout
    before = what(site)
    other = empty_site(site, tmp_path)
    done = manage(other.environment, "restore", str(tmp_path / name))
    assert done.returncode == 0, done.stderr
    assert "files: " in done.stdout
    after = what(other)
    assert after == before
    assert len(before["scores"]) >= 6  # type: ignore[arg-type]
    again = manage(other.environment, "restore", str(tmp_path / name))
    assert (again.returncode, "has people or contests" in again.stderr) == (1, True)
    # Hosts that were heard a moment ago were heard by a process that no lock here tells of.
    other.query(HEARD_NOW)
    refused = manage(other.environment, "restore", "--replace", str(tmp_path / name))
    assert (refused.returncode, "heard within the last minute" in refused.stderr) == (1, True)
    replaced = manage(other.environment, "restore", "--replace", "--force", str(tmp_path / name))
    assert replaced.returncode == 0, replaced.stderr
    assert what(other) == before


def test_the_restored_site_goes_on_judging(site: Stack, copy: Path, tmp_path: Path) -> None:
    other = empty_site(site, tmp_path)
    assert manage(other.environment, "restore", str(copy)).returncode == 0
    other.start()
    try:
        assert other.wait_verdict(other.submit(PERFECT))["verdict"] == "SCORED"
        assert len(other.board()) == 3
        refused = manage(other.environment, "restore", "--replace", str(copy))
        assert (refused.returncode, "stop it first" in refused.stderr) == (1, True)
    finally:
        other.stop()


def test_what_is_handed_in_meanwhile_is_whole_in_the_copy(site: Stack, tmp_path: Path) -> None:
    """Submissions come while three backups are made; each copy names no file that it does not hold."""
    sent: list[str] = []
    for number in range(3):
        target = tmp_path / f"copy{number}"
        argv = [sys.executable, "manage.py", "backup", str(target)]
        making = subprocess.Popen(argv, cwd=ROOT, env=site.environment, stdout=subprocess.DEVNULL)
        contents = [PERFECT + f"# {number}.{piece}\n".encode() for piece in range(4)]
        sent += [site.submit(content, user="bob") for content in contents]
        assert making.wait(60) == 0
        manifest = json.loads((target / "manifest.json").read_text())
        held = {path.name for path in target.glob("blobs/*/*")}
        assert manifest["missing"] == []
        assert manifest["blobs"] <= len(held)
    for submission in sent:
        site.wait_verdict(submission, user="bob", within_s=120)


def killed_in_the_middle(site: Stack, target: Path, verb: str, patched: str) -> int:
    """Run a command that dies by SIGKILL after some files; its exit status."""
    program = (
        DIE_AFTER.format(after=4)
        + f"{patched}\n"
        + f"from django.core.management import call_command; call_command({verb!r}, {str(target)!r})"
    )
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=site.environment,
        capture_output=True,
        timeout=60,
        check=False,
    ).returncode


@pytest.mark.parametrize("name", [pytest.param("half", marks=pytest.mark.once), "half.tar"])
def test_a_backup_that_was_killed_is_no_backup_and_is_carried_on_with(
    site: Stack, tmp_path: Path, name: str
) -> None:
    target = tmp_path / name
    patched = "blobs.pieces_of = dying(blobs.pieces_of)"
    assert killed_in_the_middle(site, target, "backup", patched) == -signal.SIGKILL
    assert not target.exists()
    partial = target.with_name(name + ".partial")
    assert partial.exists()
    other = empty_site(site, tmp_path)
    refused = manage(other.environment, "restore", str(partial))
    assert (refused.returncode, "half a backup" in refused.stderr) == (1, True)
    assert manage(site.environment, "backup", str(target)).returncode == 0
    assert not partial.exists()
    assert manage(other.environment, "restore", str(target)).returncode == 0
    assert what(other) == what(site)


def test_a_restore_that_was_killed_leaves_the_site_empty_and_goes_on_when_repeated(
    site: Stack, tmp_path: Path
) -> None:
    assert manage(site.environment, "backup", str(tmp_path / "copy")).returncode == 0
    other = empty_site(site, tmp_path)
    patched = "blobs.put = dying(blobs.put)"
    assert killed_in_the_middle(other, tmp_path / "copy", "restore", patched) == -signal.SIGKILL
    assert is_empty(other)
    assert manage(other.environment, "restore", str(tmp_path / "copy")).returncode == 0
    assert what(other) == what(site)


def test_damage_is_noticed_before_anything_is_changed(site: Stack, copy: Path, tmp_path: Path) -> None:
    blob = min(copy.glob("blobs/*/*"))
    for number, (file, words) in enumerate(
        [
            (blob, "is damaged"),
            (next(copy.glob("database.*")), "database is damaged"),
            (copy / "manifest.json", "manifest"),
        ]
    ):
        damaged = tmp_path / f"damaged{number}"
        shutil.copytree(copy, damaged)
        place = damaged / file.relative_to(copy)
        place.chmod(0o600)
        with place.open("r+b") as opened:
            opened.seek(0)
            opened.write(b"\x00damage\x00")
        other = empty_site(site, tmp_path / f"other{number}")
        done = manage(other.environment, "restore", str(damaged))
        assert (done.returncode, words in done.stderr) == (1, True), done.stderr
        assert is_empty(other)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2, "version": "9.0.0"}, "newer: update this checkout first"),
        (
            {"migrations": ["judge.9999_later"], "version": "9.0.0"},
            "newer Podium (9.0.0; it has judge.9999_later)",
        ),
        ({"engine": "oracle"}, "this site is set to"),
        ({"blobs": 10_000}, "is not whole"),
    ],
)
def test_what_does_not_fit_this_checkout_is_refused(
    site: Stack, copy: Path, tmp_path: Path, change: dict[str, object], words: str
) -> None:
    shutil.copytree(copy, tmp_path / "copy")
    path = tmp_path / "copy" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    other = empty_site(site, tmp_path)
    done = manage(other.environment, "restore", str(tmp_path / "copy"))
    assert (done.returncode, words in done.stderr) == (1, True), done.stderr


def test_a_backup_is_private_takes_no_name_twice_and_is_made_once_at_a_time(
    site: Stack, tmp_path: Path
) -> None:
    target = tmp_path / "copy"
    assert manage(site.environment, "backup", str(target)).returncode == 0
    assert target.stat().st_mode & 0o077 == 0
    twice = manage(site.environment, "backup", str(target))
    assert (twice.returncode, "is there already" in twice.stderr) == (1, True)
    making = tmp_path / "other.partial"
    making.mkdir()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS_THE_LOCK, str(making / ".lock")], stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        beside = manage(site.environment, "backup", str(tmp_path / "other"))
        assert (beside.returncode, "Another backup is being written" in beside.stderr) == (1, True)
    finally:
        holder.kill()
        holder.wait()


def test_a_file_that_is_missing_in_the_store_is_told_and_the_rest_is_saved(
    site: Stack, tmp_path: Path
) -> None:
    sha256 = site.query(
        "from contests.models import Submission\nprint(Submission.objects.earliest('created_at').blob_id, end='')"
    )
    place = site.var / "blobs" / sha256[:2] / sha256
    away = place.rename(tmp_path / "away")
    try:
        made = manage(site.environment, "backup", str(tmp_path / "copy"))
        assert made.returncode == 0
        assert "1 files that the database names are not in the store" in made.stderr
        assert json.loads((tmp_path / "copy" / "manifest.json").read_text())["missing"] == [sha256]
    finally:
        away.rename(place)
    eventually(lambda: os.access(place, os.R_OK), what="it is back")
