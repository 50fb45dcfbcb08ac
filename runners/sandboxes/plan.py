"""What a sandbox is asked to do (`SandboxPlan`) and what came of it (`Outcome`). Standard library only."""

from __future__ import annotations

import dataclasses
import posixpath
from pathlib import Path
from typing import Any

from runners.gpu.access import Access
from runners.spec import Limits, OutputFile
from runners.verdict import RunFacts

# Where inputs may lie in a sandbox. Anything else would let a job's file stand in for a part of the system.
INPUT_PLACES = ("/input/", "/kaggle/input/", "/submission/", "/model/", "/app/")
MAX_SLOTS = 10_000
LINK_PLACES = ("/kaggle/", "/app/", "/input/")
TREES = ("", "/output", "/model")  # /model is writable only where it is the tree


class SandboxError(Exception):
    """The sandbox could not be set up or its end could not be read: our fault, never a verdict."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SandboxPlan:
    """One run. Host paths are absolute; in `argv`, "{python}" stands for the environment's interpreter.

    As root, input files must be readable by others (0444): the program runs under a uid of its own.
    Directories above them need not be.
    """

    argv: tuple[str, ...]
    environment: str  # the venv on this host, seen as /env
    limits: Limits
    required_output: str  # bare file name in /output
    kept: tuple[str, ...] = ()  # bare file names, collected whatever became of the required one
    inputs: tuple[tuple[str, str], ...] = ()  # (host path, place in the sandbox), all read-only
    links: tuple[tuple[str, str], ...] = ()  # (place in the sandbox, target)
    slot: int = 0  # as root the program's uid is FIRST_UID + slot; two runs at a time never share a slot
    env: tuple[tuple[str, str], ...] = ()  # added to the allow-list; names PODIUM_* or OMP_NUM_THREADS
    tree: str = ""  # of TREES: comes back whole, as the zip archive `required_output`
    cwd: str = "/output"
    devices: tuple[str, ...] = ()  # ids of the GPUs leased to this run
    access: Access | None = None  # what those devices need of the host
    image: str = ""  # Docker only: an image by digest instead of the environment's

    def __post_init__(self) -> None:
        if not self.argv or not 0 <= self.slot < MAX_SLOTS:
            raise SandboxError(f"a plan needs a program and a slot below {MAX_SLOTS}, not {self.slot}")
        for place in (place for _, place in self.inputs):
            _check_place(place, INPUT_PLACES)
        for place in (place for place, _ in self.links):
            _check_place(place, LINK_PLACES)
        self._check_host_side()

    def _check_host_side(self) -> None:
        for path in (*(path for path, _ in self.inputs), self.environment):
            if not path.startswith("/") or ":" in path:
                raise SandboxError(f"host path {path!r} must be absolute and without a colon")
        for name in (self.required_output, *self.kept):
            if posixpath.basename(name) != name or not name:
                raise SandboxError(f"output {name!r} must be a bare file name")
        if self.tree not in TREES or posixpath.normpath(self.cwd) != self.cwd or self.cwd[:1] != "/":
            raise SandboxError(f"no such tree or working directory: {self.tree!r}, {self.cwd!r}")
        for name, _ in self.env:
            if not name.startswith("PODIUM_") and name != "OMP_NUM_THREADS":
                raise SandboxError(f"environment variable {name!r} is not on the allow-list")

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> SandboxPlan:
        fields = dict(raw)
        fields["argv"] = tuple(fields["argv"])
        fields["kept"] = tuple(fields["kept"])
        fields["devices"] = tuple(fields["devices"])
        fields["access"] = Access.from_json(fields["access"]) if fields["access"] else None
        fields["limits"] = Limits.from_json(fields["limits"])
        for name in ("inputs", "links", "env"):
            fields[name] = tuple((a, b) for a, b in fields[name])
        return cls(**fields)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """How a warm sandbox waits in front of its program, which lies in its place when it is let go."""

    preload: tuple[str, ...]  # modules imported beforehand
    places: tuple[str, ...]  # directories a job's inputs may lie in, bound before there are any: "/input"
    kernel: tuple[str, ...] = ()  # modules that a notebook's kernel has imported beforehand

    def directory(self, rundir: Path, place: str) -> Path:
        """Where on the host the files of `place` are to be put."""
        return rundir / "places" / place.strip("/").replace("/", "_")

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Hold:
        return cls(**{name: tuple(words) for name, words in raw.items()})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The end of a run: facts and collected files (in `<rundir>/outputs/`), or what failed on our side."""

    facts: RunFacts | None = None
    files: tuple[OutputFile, ...] = ()
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        if self.facts is None:
            return {"error": self.error}
        return {"facts": self.facts.as_json(), "files": [dataclasses.asdict(file) for file in self.files]}

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Outcome:
        if "error" in raw:
            return cls(error=raw["error"])
        files = tuple(OutputFile(**file) for file in raw["files"])
        return cls(facts=RunFacts.from_json(raw["facts"]), files=files)


def _check_place(place: str, allowed: tuple[str, ...]) -> None:
    # A directory may lie at a place itself: an unpacked model at /model.
    if posixpath.normpath(place) != place or ":" in place or not f"{place}/".startswith(allowed):
        raise SandboxError(f"{place!r} is no place for a job's file; allowed are {', '.join(allowed)}")
