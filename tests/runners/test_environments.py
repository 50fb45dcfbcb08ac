"""Environments are really built, by uv, from a wheel made here: no package index is needed."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runners import environments
from runners.environments import BuildError, DiskTooSmallError, PackagesUnreachableError, Progress
from tests.runners.tiny_environment import wheel


def _ignore(_state: Progress) -> None: ...


def _soon(holds: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def builder(images: Path, root: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts builders of `tiny` in processes of their own."""
    started: list[subprocess.Popen[bytes]] = []
    code = (
        "import sys; from pathlib import Path; from runners.environments import build\n"
        "build('tiny', Path(sys.argv[1]), lambda state: None, images=Path(sys.argv[2]))"
    )

    def start() -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([sys.executable, "-c", code, str(root), str(images)]))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_a_built_environment_is_complete_and_says_so(images: Path, root: Path) -> None:
    heard: list[Progress] = []
    directory = environments.build("tiny", root, heard.append, images=images)
    version = environments.definitions(images)["tiny"].version
    assert directory == root / "tiny" / version
    assert environments.ready(root) == [f"tiny@{version}"]
    assert environments.find(root, f"tiny@{version}") == directory
    assert environments.progress(root, images)["tiny"]["state"] == "ready"
    assert [state.percent for state in heard] == sorted(state.percent for state in heard)
    assert (heard[0].state, heard[-1].state, heard[-1].percent) == ("building", "ready", 100)


def test_an_environment_works_where_it_is_moved_and_its_modules_are_compiled(
    images: Path, root: Path
) -> None:
    elsewhere = root.parent / "env"
    environments.build("tiny", root, _ignore, images=images).rename(elsewhere)
    code = "import speck, speck_more, sys; print(speck.VALUE, speck_more.__cached__, sys.prefix)"
    printed = subprocess.check_output(
        [elsewhere / "bin" / "python", "-I", "-B", "-c", code], text=True
    ).split()
    assert printed[0] == "42"
    assert Path(printed[1]).is_file()
    assert printed[2] == str(elsewhere)
    assert subprocess.check_output([elsewhere / "bin" / "speck-command"], text=True) == "42\n"


def test_an_environment_rests_on_the_base_interpreter_and_not_on_podiums_own(
    images: Path, root: Path
) -> None:
    directory = environments.build("tiny", root, _ignore, images=images)
    home = dict(line.split(" = ", 1) for line in (directory / "pyvenv.cfg").read_text().splitlines())["home"]
    assert not Path(home).is_relative_to(sys.prefix)


def test_a_ready_environment_is_not_built_again(
    images: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = environments.build("tiny", root, _ignore, images=images)
    made = (directory / "READY").stat().st_mtime_ns
    monkeypatch.setenv("UV_FIND_LINKS", "/nonexistent")
    assert environments.build("tiny", root, _ignore, images=images) == directory
    assert (directory / "READY").stat().st_mtime_ns == made


def test_a_changed_lock_is_another_environment_beside_the_old_one(images: Path, root: Path) -> None:
    old = environments.build("tiny", root, _ignore, images=images)
    lock = images / "tiny" / "requirements.lock"
    lock.write_text("# another day\n" + lock.read_text())
    new = environments.build("tiny", root, _ignore, images=images)
    assert environments.ready(root) == sorted(f"tiny@{directory.name}" for directory in (old, new))


def _withhold(images: Path, *patterns: str) -> None:
    settings = images / "tiny" / "environment.toml"
    settings.write_text(f'title = "Tiny"\ndisk_mb = 1\nwithheld = {list(patterns)!r}\n')


def test_what_is_withheld_is_not_in_the_environment_and_the_rest_is(images: Path, root: Path) -> None:
    with_all = environments.build("tiny", root, _ignore, images=images)
    _withhold(images, "speck_m*.py")
    without = environments.build("tiny", root, _ignore, images=images)
    folders = [next(path.glob("lib/python3*/site-packages")) for path in (with_all, without)]
    held, kept = ({path.name for path in folder.rglob("*")} for folder in folders)
    gone = {name for name in held - kept if name.startswith("speck")}
    assert {name.split(".")[0] for name in gone} == {"speck_more"}  # and its .pyc was never made
    assert not [name for name in kept if name.startswith("speck_more")]
    assert "speck.py" in kept
    assert (folders[0] / "speck_more.py").is_file()  # uv may have linked both to its cache


def test_an_environment_that_withholds_something_else_is_another_version(images: Path, root: Path) -> None:
    versions = {environments.definitions(images)["tiny"].version}
    for patterns in (["speck_more.py"], ["speck_more.py", "speck.py"], ["speck_more.pyspeck.py"]):
        _withhold(images, *patterns)
        versions.add(environments.definitions(images)["tiny"].version)
    assert len(versions) == 4
    _withhold(images)
    assert environments.definitions(images)["tiny"].version in versions


def test_a_build_fails_when_what_it_shall_withhold_is_not_where_it_was(images: Path, root: Path) -> None:
    _withhold(images, "speck/data/*.csv")
    with pytest.raises(BuildError, match=r"speck/data/\*\.csv"):
        environments.build("tiny", root, _ignore, images=images)
    assert environments.ready(root) == []


def test_an_environment_whose_interpreter_has_gone_is_not_ready_and_is_built_again(
    images: Path, root: Path
) -> None:
    directory = environments.build("tiny", root, _ignore, images=images)
    python = directory / "bin" / "python"
    python.unlink()
    python.symlink_to("/nonexistent/python3.11")
    assert environments.ready(root) == []
    with pytest.raises(LookupError):
        environments.find(root, f"tiny@{directory.name}")
    environments.build("tiny", root, _ignore, images=images)
    assert environments.ready(root) == [f"tiny@{directory.name}"]


@pytest.mark.parametrize(
    "identifier", ["tiny", "tiny@../../outside", "../tiny@000000000000", "tiny@000000000000"]
)
def test_no_other_directory_passes_for_an_environment(root: Path, identifier: str) -> None:
    for outside in (root.parent / "outside", root.parent / "tiny" / "000000000000"):
        (outside / "bin").mkdir(parents=True)
        (outside / "bin" / "python").touch()
        (outside / "READY").touch()
    (root / "tiny").mkdir(parents=True)
    with pytest.raises(LookupError):
        environments.find(root, identifier)


def test_a_builder_killed_half_way_leaves_nothing_that_passes_for_an_environment(
    images: Path,
    root: Path,
    builder: Callable[[], subprocess.Popen[bytes]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hold = tmp_path / "hold"
    hold.touch()
    monkeypatch.setenv("HOLD", str(hold))
    first = builder()
    _soon(lambda: environments.progress(root, images).get("tiny", {}).get("percent", 0) == 95)
    first.send_signal(signal.SIGKILL)
    first.wait()
    interrupted = environments.progress(root, images)["tiny"]
    assert (interrupted["state"], environments.ready(root)) == ("failed", [])
    assert "interrupted" in interrupted["error"]
    hold.unlink()
    directory = environments.build("tiny", root, _ignore, images=images)
    assert environments.ready(root) == [f"tiny@{directory.name}"]
    assert [path.name for path in directory.parent.iterdir() if path.is_dir()] == [directory.name]


@contextlib.contextmanager
def _silent_server() -> Iterator[tuple[str, threading.Event]]:
    """A package index that accepts a connection and never says a word; the event is set when somebody has come."""
    visited = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def wait_for_a_guest() -> None:
            with contextlib.suppress(OSError):
                connection, _ = server.accept()
                visited.set()
                with connection:
                    while connection.recv(4096):
                        pass

        thread = threading.Thread(target=wait_for_a_guest, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/simple", visited
        server.shutdown(socket.SHUT_RDWR)


def test_uv_dies_with_a_killed_builder(
    images: Path, root: Path, builder: Callable[[], subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UV_NO_INDEX")
    monkeypatch.delenv("UV_FIND_LINKS")
    with _silent_server() as (address, visited):
        monkeypatch.setenv("UV_DEFAULT_INDEX", address)
        killed = builder()
        assert visited.wait(20)
        assert environments.progress(root, images)["tiny"]["state"] == "building"
        assert _processes_mentioning(str(root))
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        _soon(lambda: not _processes_mentioning(str(root)))
        _soon(lambda: environments.progress(root, images)["tiny"]["state"] == "failed")


def _processes_mentioning(text: str) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if text in process.read_bytes().decode(errors="replace") and process.parent.name != str(
                os.getpid()
            ):
                found.append(process.parent.name)
    return found


def test_a_second_builder_waits_for_the_first_and_takes_its_work(
    images: Path,
    root: Path,
    builder: Callable[[], subprocess.Popen[bytes]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hold = tmp_path / "hold"
    hold.touch()
    monkeypatch.setenv("HOLD", str(hold))
    first = builder()
    _soon(lambda: environments.progress(root, images).get("tiny", {}).get("percent", 0) == 95)
    heard: list[Progress] = []

    def hear(state: Progress) -> None:  # in this thread, while the first builder holds the lock
        heard.append(state)
        hold.unlink(missing_ok=True)

    directory = environments.build("tiny", root, hear, images=images)
    assert first.wait(20) == 0
    assert (heard[0].state, heard[0].percent) == ("building", 95)  # what the other one is doing
    assert heard[-1].state == "ready"
    assert directory.is_dir()


def test_an_unreachable_index_is_one_line_that_says_what_to_do(
    images: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    monkeypatch.delenv("UV_NO_INDEX")
    monkeypatch.delenv("UV_FIND_LINKS")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://127.0.0.1:{closed}/simple")
    with pytest.raises(PackagesUnreachableError) as raised:
        environments.build("tiny", root, _ignore, images=images)
    assert "\n" not in str(raised.value)
    assert "check the network" in str(raised.value)
    assert environments.progress(root, images)["tiny"]["error"] == str(raised.value)
    assert raised.value.exit_code == 3


def test_a_package_with_another_hash_is_refused(images: Path, root: Path) -> None:
    (images / "tiny" / "requirements.lock").write_text(f"speck==1.0 \\\n    --hash=sha256:{'0' * 64}\n")
    with pytest.raises(BuildError, match=r"(?i)hash") as raised:
        environments.build("tiny", root, _ignore, images=images)
    assert "\n" not in str(raised.value)
    assert environments.ready(root) == []


def test_a_package_that_the_lock_does_not_list_is_refused(images: Path, root: Path, tmp_path: Path) -> None:
    digest = wheel(tmp_path / "wheels", "needy", needs="speck")
    (images / "tiny" / "requirements.lock").write_text(f"needy==1.0 \\\n    --hash=sha256:{digest}\n")
    with pytest.raises(BuildError, match="speck"):
        environments.build("tiny", root, _ignore, images=images)


def test_too_little_disk_is_told_before_anything_is_fetched(images: Path, root: Path) -> None:
    (images / "tiny" / "environment.toml").write_text('title = "Tiny"\ndisk_mb = 1000000000\n')
    with pytest.raises(DiskTooSmallError, match="free some space") as raised:
        environments.build("tiny", root, _ignore, images=images)
    assert raised.value.exit_code == 4


def test_an_environment_that_cannot_import_what_it_is_for_is_not_ready(images: Path, root: Path) -> None:
    (images / "tiny" / "preload.txt").write_text("speck\nno_such_module\n")
    with pytest.raises(BuildError, match="no_such_module"):
        environments.build("tiny", root, _ignore, images=images)
    assert environments.ready(root) == []
