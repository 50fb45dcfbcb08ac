"""How far a build is: a small file beside the environment, replaced atomically, read by agent and site."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runners.environments import catalogue
from runners.environments.catalogue import Definition

VENV, IMAGE = "", ".image"  # what is being built; part of the names of its progress and lock files


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """`state` is "building", "ready" or "failed"; `step` is English for people; `error` one line or ""."""

    name: str
    version: str
    state: str
    percent: int
    step: str = ""
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def progress(root: Path, images: Path = catalogue.IMAGES) -> dict[str, dict[str, Any]]:
    """The progress of every current environment that is ready or that a builder has begun, by name."""
    answer: dict[str, dict[str, Any]] = {}
    for name, definition in catalogue.definitions(images).items():
        current = read(root, definition)
        if current is not None:
            answer[name] = current.as_json()
    return answer


def read(root: Path, definition: Definition) -> Progress | None:
    """The progress of one environment, or None when nobody has begun to build it."""
    if catalogue.is_ready(definition.directory(root)):
        known = {"name": definition.name, "version": definition.version}
        return Progress(**known, state="ready", percent=100, step="Ready")
    return unfinished(root, definition)


def unfinished(root: Path, definition: Definition, kind: str = VENV) -> Progress | None:
    """What the last builder wrote of a `kind` (VENV, IMAGE) that is not ready."""
    known = {"name": definition.name, "version": definition.version}
    try:
        raw = json.loads(_file(root, definition, kind).read_text(encoding="utf-8"))
        found = Progress(**(raw | known))
    except (OSError, ValueError, TypeError):
        return None
    if found.state in {"failed", "ready"} or is_building(root, definition, kind):
        return found if found.state != "ready" else None
    stopped = "The build was interrupted; it goes on when Podium is started again."
    return dataclasses.replace(found, state="failed", error=stopped)


def write(root: Path, state: Progress, kind: str = VENV) -> None:
    path = root / state.name / f"{state.version}{kind}.progress.json"
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps(state.as_json()), encoding="utf-8")
    temporary.replace(path)


def _file(root: Path, definition: Definition, kind: str) -> Path:
    return root / definition.name / f"{definition.version}{kind}.progress.json"


def lock_file(root: Path, definition: Definition, kind: str = VENV) -> Path:
    return root / definition.name / f"{definition.version}{kind}.lock"


@contextmanager
def try_lock(root: Path, definition: Definition, kind: str = VENV) -> Iterator[int | None]:
    """The builder's lock as a descriptor, or None while another process (or its orphaned uv) holds it."""
    descriptor = os.open(lock_file(root, definition, kind), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield descriptor
    finally:
        os.close(descriptor)


def is_building(root: Path, definition: Definition, kind: str = VENV) -> bool:
    """Whether a builder is alive. A shared lock for an instant: a builder that loses to it tries again."""
    try:
        descriptor = os.open(lock_file(root, definition, kind), os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
