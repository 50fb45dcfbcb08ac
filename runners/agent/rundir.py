"""A run's directory on the host: what must be on disk so that the next agent can carry on.

Theory of operation. The order of writes is the protocol with one's own successor:

    1. the directory           without a job file: rubbish, nobody was promised anything
    2. the job file            renamed into place whole: this host owes the site an end of this attempt
    3. inputs, then the shim   the files of `sandbox/` (runners/sandboxes) say how far that got
    4. job file unlinked       only after the site has answered finish, give-back or 409
    5. the rest removed        rubbish again, whatever is left of it

So at every instant the job file's presence is exactly "the site may still wait for us".

Beside it `deaths` counts the agents that died while they carried this attempt. It is written at each adoption and
removed when an agent has carried the attempt in peace for a while, or was stopped in order: what it counts is a
run that may be killing its agents.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from runners.spec import PROTOCOL_VERSION, InputFile, JobSpec

JOB_FILE = "job.json"
SANDBOX = "sandbox"
DEATHS = "deaths"
SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclasses.dataclass(frozen=True, slots=True)
class RunDir:
    """One attempt on this host: its directory, its job, and the slot (and so the uid) it runs in."""

    path: Path
    spec: JobSpec
    slot: int

    @property
    def inputs(self) -> Path:
        return self.path / "inputs"

    @property
    def sandbox(self) -> Path:
        """The shim's directory (runners.sandboxes.shims): started here, or a warm one moved here."""
        return self.path / SANDBOX

    @property
    def log(self) -> Path:
        return self.sandbox / "log"

    def input_path(self, sha256: str) -> Path:
        return self.inputs / sha256

    def place_of(self, item: InputFile) -> Path:
        """What is bound at the item's path: the file, or the directory that its archive was unpacked to."""
        return self.path / "trees" / item.sha256 if item.unpack else self.input_path(item.sha256)

    def deaths(self) -> int:
        """How many agents in a row have died over this attempt."""
        try:
            return len((self.path / DEATHS).read_bytes())
        except OSError:
            return 0

    def count_death(self) -> None:
        with (self.path / DEATHS).open("ab") as file:
            file.write(b"x")

    def forgive_deaths(self) -> None:
        (self.path / DEATHS).unlink(missing_ok=True)

    def settle(self) -> None:
        """The site waits for nothing more: from now on the directory is rubbish."""
        (self.path / JOB_FILE).unlink(missing_ok=True)

    def delete(self) -> None:
        self.settle()
        remove_tree(self.path)


def create(runs: Path, spec: JobSpec, slot: int) -> RunDir:
    """Write down that this host runs this attempt. Raises OSError, with nothing left; ValueError for a bad id."""
    if not SAFE_ID.fullmatch(spec.job_id):
        raise ValueError("the job's id is not a plain name")
    path = runs / f"{spec.job_id}-{spec.attempt}"
    if path.exists():
        remove_tree(path)  # the site gave this attempt out twice; whatever lies here is of no use
    path.mkdir(mode=0o700, parents=True)
    run = RunDir(path, spec, slot)
    try:
        _fill(run)
    except OSError:  # a disk that has been filled since the claim
        remove_tree(path)
        raise
    return run


def _fill(run: RunDir) -> None:
    run.inputs.mkdir(mode=0o755)
    run.sandbox.mkdir(mode=0o700)
    temporary = run.path / f"{JOB_FILE}.new"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # it holds the job token
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        # No fsync: a power cut ends the run anyway.
        json.dump({"slot": run.slot, "job": run.spec.as_json()}, file)
    temporary.rename(run.path / JOB_FILE)


def scan(runs: Path) -> Iterator[RunDir | Path]:
    """All attempts on disk; a bare Path is a directory without a readable job file, that is: rubbish."""
    for path in sorted(runs.iterdir()):
        try:
            raw = json.loads((path / JOB_FILE).read_text(encoding="utf-8"))
            job = raw["job"] | {"protocol": PROTOCOL_VERSION}
            yield RunDir(path, JobSpec.from_json(job), int(raw["slot"]))
        except (OSError, ValueError, KeyError, TypeError):
            yield path


def remove_tree(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
