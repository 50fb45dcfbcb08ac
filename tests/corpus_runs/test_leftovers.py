"""The look at the host sees what a run can leave there: planted here as root, each by itself."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from operations.corpus import leftovers
from operations.corpus.leftovers import Use, Watch
from runners.sandboxes.shims import KINDS
from tests.stack import eventually

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.skipif(os.geteuid() != 0, reason="another user's process, a mount and a cgroup need root"),
]

STRANGER = leftovers.FIRST_SANDBOX_UID + 7
JOB = str(uuid.uuid4())
OTHER = str(uuid.uuid4())


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watch:
    monkeypatch.setattr(leftovers, "WITHIN_S", 0.2)
    (tmp_path / "agent" / "runs").mkdir(parents=True)
    return Watch(tmp_path, "nsjail")


@contextlib.contextmanager
def stranger(*words: str) -> Iterator[int]:
    """A process of a sandbox's user with these words."""
    command = ["sh", "-c", "read -r _", "sh", *words]
    process = subprocess.Popen(command, user=STRANGER, group=STRANGER, stdin=subprocess.PIPE)
    try:
        yield process.pid
    finally:
        process.communicate()


@contextlib.contextmanager
def cgroup(name: str) -> Iterator[str]:
    places = [Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup")]
    path = next(place for place in places if place.is_dir()) / "podium" / name
    path.mkdir(parents=True)
    try:
        yield str(path)
    finally:
        path.rmdir()


def test_a_clean_host_has_nothing_to_tell(watch: Watch) -> None:
    assert watch.after([JOB]) == []
    assert watch.after_all() == []


def test_a_process_of_the_job_is_seen_and_one_of_another_job_is_not(watch: Watch) -> None:
    with stranger(f"{watch.var}/agent/runs/{JOB}-1") as pid:
        assert [line.split(":")[0] for line in watch.after([JOB])] == [f"process {pid}"]
        assert watch.after([OTHER]) == []
        assert watch.after_all()
    assert watch.after([JOB]) == []


def test_a_run_directory_is_seen(watch: Watch) -> None:
    (watch.var / "agent" / "runs" / f"{JOB}-1").mkdir()
    assert watch.after([JOB]) == [f"run directory {JOB}-1"]
    assert watch.after([OTHER]) == []


def test_a_mount_is_seen(watch: Watch) -> None:
    # A sandbox that starts elsewhere meanwhile keeps a copy of the mount table, so no other test asks for this job.
    job = str(uuid.uuid4())
    place = watch.var / "agent" / "runs" / f"{job}-1" / "box"
    place.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "podium", str(place)], check=True)
    try:
        assert f"mount {place}" in watch.after([job])
        assert f"mount {place}" in watch.after_all()
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_cgroup_that_is_named_by_its_job_is_seen(watch: Watch) -> None:
    with cgroup(f"{JOB}-1") as path:
        assert f"cgroup {path}" in watch.after([JOB])
        assert watch.after([OTHER]) == []


def test_a_cgroup_with_a_name_of_its_own_is_known_by_the_directory_that_it_was_in(watch: Watch) -> None:
    name = f"waiting-{uuid.uuid4().hex}"
    run = watch.var / "agent" / "runs" / f"{JOB}-1"
    run.mkdir()
    with cgroup(name) as path, watch:
        (run / "sandbox.json").write_text(json.dumps({"sandbox": next(iter(KINDS)), "cgroup": name}))
        eventually(lambda: f"cgroup {path}" in watch.after([JOB]), within_s=5, what="its name is noted")
        shutil.rmtree(run)
        assert watch.after([JOB]) == [f"cgroup {path}"]
        assert watch.after_all() == [f"cgroup {path}"]
    assert watch.after([JOB]) == []


def test_a_file_of_a_sandboxs_user_in_a_shared_folder_is_seen(
    watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    monkeypatch.setattr(leftovers, "SHARED", (str(shared),))
    (shared / "ours").touch()
    assert watch.after_all() == []
    (shared / "planted").touch()
    os.chown(shared / "planted", STRANGER, STRANGER)
    assert watch.after_all() == [f"file {shared}/planted"]


def test_disk_and_inodes_that_do_not_come_back_are_told(watch: Watch) -> None:
    before = watch.use()
    assert leftovers.grown(before, watch.use()) == []
    (watch.var / "agent" / "left").write_bytes(b"x" * (leftovers.SPARE_BYTES + (1 << 20)))
    assert leftovers.grown(before, watch.use())[0].startswith("disk use grew")
    assert leftovers.grown(Use(0, 0), Use(0, leftovers.SPARE_FILES + 1))[0].startswith("inode use grew")


def test_the_cache_of_inputs_may_grow(watch: Watch) -> None:
    before = watch.use()
    (watch.var / "agent" / "cache").mkdir()
    (watch.var / "agent" / "cache" / "blob").write_bytes(b"x" * (leftovers.SPARE_BYTES * 2))
    assert leftovers.grown(before, watch.use()) == []
