"""`manage.py move_blobs` moves a site's files into a bucket and back, whatever kills it on its way."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as site
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from contests import blobs, stores
from contests.models import Blob
from operations import instance, moving_files
from operations.management.commands import move_blobs
from tests.builders import make_blob
from tests.contests.s3_server import S3Server, s3_server, wire

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
CONTENTS = [f"file {number}".encode() * 1000 for number in range(30)]


@pytest.fixture
def server(tmp_path: Path, settings: Settings) -> Iterator[S3Server]:
    """A site whose files lie in its folder, and an empty S3 server."""
    settings.VAR = tmp_path / "var"
    settings.PODIUM_BLOBS = settings.VAR / "blobs"
    (settings.VAR / "run").mkdir(parents=True)
    for content in CONTENTS:
        make_blob(content)
    with s3_server(tmp_path / "s3") as running:
        settings.PODIUM_S3 = running.store()
        yield running


def folder() -> list[str]:
    return [found.sha256 for found in stores.Folder(Path(site.PODIUM_BLOBS)).kept()]


def bucket() -> list[str]:
    return sorted(found.sha256 for found in stores.chosen().kept())


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


ALL = sorted(map(_sha, CONTENTS))


def move(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    call_command(move_blobs.Command(), *words)
    return capsys.readouterr().out


def test_files_move_into_the_bucket_and_back(server: S3Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert "to copy: 30 files, 0.2 MB; there already: 0" in move(capsys, "--to", "bucket", "--dry-run")
    assert bucket() == []
    assert "copied: 30 files, 0.2 MB; there already: 0; removed: 0" in move(capsys, "--to", "bucket")
    assert "copied: 0 files, 0.0 MB; there already: 30; removed: 30" in move(
        capsys, "--to", "bucket", "--remove"
    )
    assert (folder(), bucket()) == ([], ALL)
    assert all(b"".join(blobs.pieces_of(hashlib.sha256(c).hexdigest())) == c for c in CONTENTS)
    assert "copied: 30 files, 0.2 MB; there already: 0; removed: 30" in move(
        capsys, "--to", "folder", "--remove"
    )
    assert (folder(), bucket()) == (ALL, [])
    site.PODIUM_S3 = None
    assert all(b"".join(blobs.pieces_of(hashlib.sha256(c).hexdigest())) == c for c in CONTENTS)


def test_killed_on_its_way_it_goes_on_and_removes_nothing_before_all_is_there(
    server: S3Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """By kill -9 at the tenth file that passes the wire."""
    seen = 0
    running: list[subprocess.Popen[bytes]] = []

    def kill(piece: bytes) -> bytes:
        nonlocal seen
        seen += piece.startswith(b"PUT /podium/blobs/")
        if seen == 10 and running[0].poll() is None:
            os.kill(running[0].pid, signal.SIGKILL)
            running[0].wait()
        return piece

    with wire(server, up=kill) as address:
        running.append(command("--to", "bucket", "--remove", s3=server.store(address)))
        assert running[0].wait(60) == -signal.SIGKILL
    assert folder() == ALL
    assert 9 <= len(bucket()) <= 10
    assert "copied: 2" in move(capsys, "--to", "bucket", "--remove")
    assert (folder(), bucket()) == ([], ALL)
    assert all(b"".join(blobs.pieces_of(hashlib.sha256(c).hexdigest())) == c for c in CONTENTS)


def command(*words: str, s3: tuple[str, ...]) -> subprocess.Popen[bytes]:
    program = (
        "import sys, django\nfrom django.conf import settings\ndjango.setup()\n"
        "settings.PODIUM_S3 = tuple(sys.argv[1:6])\n"
        "from django.core.management import call_command\ncall_command('move_blobs', *sys.argv[6:])\n"
    )
    environment = {
        **os.environ,  # noqa: TID251 - a child process
        "PODIUM_VAR": str(site.VAR),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PODIUM_DATABASE_URL": "",  # it ends before it asks one
    }
    return subprocess.Popen([sys.executable, "-c", program, *s3, *words], cwd=ROOT, env=environment)


def test_damage_is_noticed_and_nothing_is_removed(server: S3Server) -> None:
    path = blobs.path_of(ALL[3])
    path.chmod(0o600)
    path.write_bytes(b"other bytes")
    with pytest.raises(CommandError, match="damaged"):
        call_command("move_blobs", "--to", "bucket", "--remove")
    assert folder() == ALL


@pytest.mark.parametrize("lost", [False, True])
def test_a_damaged_copy_is_made_anew_before_the_file_is_removed(server: S3Server, *, lost: bool) -> None:
    call_command("move_blobs", "--to", "bucket")
    place = server.folder / "podium" / "blobs" / ALL[0][:2] / ALL[0]
    place.write_bytes(bytes(place.stat().st_size))
    if lost:  # then nobody has the right bytes, and what is left of either is left
        path = blobs.path_of(ALL[0])
        path.chmod(0o600)
        path.write_bytes(bytes(path.stat().st_size))
        with pytest.raises(CommandError, match="damaged in both places"):
            call_command("move_blobs", "--to", "bucket", "--remove")
        assert (folder(), bucket()) == (ALL, ALL)
    else:
        call_command("move_blobs", "--to", "bucket", "--remove")
        assert (folder(), bucket()) == ([], ALL)
        assert b"".join(blobs.pieces_of(ALL[0])) == next(c for c in CONTENTS if _sha(c) == ALL[0])


def test_a_running_site_loses_no_file_under_its_feet_and_a_store_that_is_away_is_told(
    server: S3Server, settings: Settings
) -> None:
    held = instance.Instance(settings.VAR / "run")
    held.take()
    with pytest.raises(CommandError, match="stop it before files are removed"):
        call_command("move_blobs", "--to", "bucket", "--remove")
    call_command("move_blobs", "--to", "bucket")
    assert (folder(), bucket()) == (ALL, ALL)
    server.stop()
    with pytest.raises(CommandError, match="goes on where this one ended"):
        call_command("move_blobs", "--to", "bucket")
    settings.PODIUM_S3 = None
    with pytest.raises(CommandError, match="say which bucket"):
        call_command("move_blobs", "--to", "bucket")


def test_a_file_that_neither_place_has_is_named(server: S3Server, capsys: pytest.CaptureFixture[str]) -> None:
    blobs.path_of(ALL[5]).unlink()
    with pytest.raises(SystemExit):
        move(capsys, "--to", "bucket")
    assert f"in neither place: {ALL[5]}" in capsys.readouterr().err


def test_what_is_handed_in_while_files_are_copied_is_not_called_missing(
    server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, late = moving_files._copy, b"handed in meanwhile"

    def meanwhile(sha256: str, source: stores.Store, target: stores.Store) -> bool:
        if not source.holds(digest := hashlib.sha256(late).hexdigest()):
            spooled = Path(site.PODIUM_BLOBS) / "incoming-late"
            spooled.write_bytes(late)
            source.keep(spooled, digest)
            Blob.objects.create(sha256=digest, size=len(late))
        return copy(sha256, source, target)

    monkeypatch.setattr(moving_files, "_copy", meanwhile)
    assert moving_files.move("bucket", lambda _words: None).missing == []
