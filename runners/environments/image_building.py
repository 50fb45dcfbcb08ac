"""Building an environment's image, with the states, progress files and locks of the builder of venvs.

Theory of operation. The base image is asked what interpreter it has. If this host has the environment as a venv for an
interpreter of that kind, its files are copied into the image; else they are installed inside (image_context.py). What
comes out has no name. It is tried out in a container that may do as little as a sandbox, and then gets its name,
which is the one thing that `ready_images` looks for: whatever dies at whatever moment, an image with its name is
complete. What a killed builder left has no name but a label, and goes when the next one begins. One builder at
a time holds the lock below the environments' root.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runners.environments import catalogue, failures, image_context
from runners.environments.building import Reporter
from runners.environments.catalogue import Definition
from runners.environments.failures import (
    BuildError,
    DiskTooSmallError,
    PackagesUnreachableError,
)
from runners.environments.image_context import Interpreter
from runners.environments.image_engine import ImageEngine
from runners.environments.images import (
    BASE_LABEL,
    BUILD_LABEL,
    ENVIRONMENT_LABEL,
    INTERPRETER,
    LOCK_LABEL,
    find_image,
    progress_of,
    reference,
)
from runners.environments.progress import IMAGE, Progress, try_lock, unfinished, write
from runners.sandboxes.choice import DOCKER_HOST
from runners.sandboxes.engine import EngineError

DEFAULT_BASE = "python:3.11-slim"
INSTALLS = ("auto", "copy", "inside")
_BASE_SHARE, _FILES_SHARE, _TRIAL_SHARE = 5, 90, 95  # percent of a build after each step
_LOOK_EVERY_S = 0.3  # while another process builds the same image
_MB = 10**6
_STEP = re.compile(r"^\S+ +(\d+) % (.*)$")  # what inside.py prints
_FAILED = "failed: "


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What an operator may choose about images."""

    host: str = DOCKER_HOST
    base: str = DEFAULT_BASE
    install: str = "auto"  # of INSTALLS
    wheels: Path | None = None  # a folder of wheels; given, nothing is fetched
    torch_index: str = ""


def build_image(
    name: str, root: Path, report: Reporter, wishes: Wishes, images: Path = catalogue.IMAGES
) -> str:
    """Build the image of environment `name`, or wait for whoever is building it; returns the image's id.

    A ready one is returned at once. Raises KeyError for an unknown name and BuildError with one line.
    """
    definition = catalogue.definitions(images)[name]
    definition.directory(root).parent.mkdir(parents=True, exist_ok=True)
    last: Progress | None = None
    try:
        while True:
            with contextlib.suppress(LookupError):
                found = find_image(definition.identifier, wishes.host)
                report(progress_of(definition, "ready", 100, "Ready"))
                return found
            with try_lock(root, definition, IMAGE) as lock:
                if lock is not None:
                    return _ImageBuild(definition, root, report, wishes).run()
            others = unfinished(root, definition, IMAGE)
            if others is not None and others != last:
                report(last := others)
            time.sleep(_LOOK_EVERY_S)
    except EngineError as error:
        raise failures.explain_daemon(f"the image of environment '{name}'", error) from error


class _ImageBuild:
    """One build under the lock."""

    def __init__(self, definition: Definition, root: Path, report: Reporter, wishes: Wishes) -> None:
        self.definition, self.root, self.report, self.wishes = definition, root, report, wishes
        self.subject = f"the image of environment '{definition.name}'"
        self.engine = ImageEngine(wishes.host)
        self.token = uuid.uuid4().hex
        self.last: Progress | None = None

    def run(self) -> str:
        with contextlib.suppress(LookupError):  # built while we waited for the lock
            return find_image(self.definition.identifier, self.wishes.host)
        try:
            return self._steps()
        except (BuildError, EngineError, OSError) as error:
            failure = error if isinstance(error, BuildError) else failures.explain_daemon(self.subject, error)
            with contextlib.suppress(OSError):
                self._say("failed", self.last.percent if self.last else 0, "Failed", str(failure))
            raise failure from error
        finally:
            with contextlib.suppress(EngineError):
                self.engine.drop_untagged(f"{BUILD_LABEL}={self.token}")

    def _steps(self) -> str:
        self._say("building", 0, "Looking for the base image")
        self.engine.drop_untagged(f"{ENVIRONMENT_LABEL}={self.definition.identifier}")
        base = self._base()
        self._check_disk()
        interpreter = self._interpreter(base["Id"])
        image = self._build(base, interpreter)
        self._try(image)
        repository, _, tag = reference(self.definition.identifier).partition(":")
        self.engine.tag(image, repository, tag)
        self._say("ready", 100, "Ready")
        return image

    def _say(self, state: str, percent: int, step: str, error: str = "") -> None:
        current = progress_of(self.definition, state, percent, step, error)
        if current != self.last:
            self.last = current
            write(self.root, current, IMAGE)
            self.report(current)

    def _base(self) -> dict[str, Any]:
        base = self.engine.image(self.wishes.base)
        if base is None:
            self._fetch_base()
            base = self.engine.image(self.wishes.base)
        if base is None:
            raise BuildError(f"The base image {self.wishes.base} was fetched, and is not there.")
        return base

    def _fetch_base(self) -> None:
        self._say("building", 1, f"Fetching the base image {self.wishes.base}")
        try:
            reason = next(
                (str(told["error"]) for told in self.engine.pull(self.wishes.base) if "error" in told), ""
            )
        except EngineError as error:
            if not error.status:
                raise  # the daemon itself is away
            reason = str(error)
        if reason:
            raise PackagesUnreachableError(
                f"The base image {self.wishes.base} is not on this host and cannot be fetched ({reason}): "
                "bring it with `docker load`, or make one with tools/base_image.sh, and name it with --base "
                "or PODIUM_BASE_IMAGE."
            )

    def _check_disk(self) -> None:
        where = Path(str(self.engine.info().get("DockerRootDir", "")))
        free = shutil.disk_usage(where).free // _MB if where.is_dir() else self.definition.disk_mb
        if free < self.definition.disk_mb:
            raise DiskTooSmallError(
                f"The image of environment '{self.definition.name}' needs {self.definition.disk_mb} MB of free "
                f"disk below {where}, and there are {free} MB: free some space, or leave it out."
            )

    def _interpreter(self, base: str) -> Interpreter:
        trial = self.engine.try_out(base, ["python3", "-I", "-c", image_context.DESCRIBE], self._name("base"))
        try:
            found = Interpreter(trial.output)
        except (ValueError, KeyError, IndexError) as error:
            raise BuildError(
                f"The base image {self.wishes.base} has no python3 that starts: {_last_line(trial.output)}"
            ) from error
        if found.too_old:
            raise BuildError(
                f"The base image {self.wishes.base} has Python {found.version}: 3.11 or newer is needed."
            )
        self._say("building", _BASE_SHARE, f"The base image has Python {found.version}")
        return found

    def _build(self, base: dict[str, Any], interpreter: Interpreter) -> str:
        context = self._copied(interpreter) if self._copies(interpreter) else self._installed()
        arguments = {"BASE": base["Id"], "BUILD": self.token, "TORCH_INDEX": self.wishes.torch_index}
        arguments["OFFLINE"] = "1" if self.wishes.wheels else ""
        lock = hashlib.sha256(self.definition.requirements_file.read_bytes()).hexdigest()
        labels = {
            ENVIRONMENT_LABEL: self.definition.identifier,
            LOCK_LABEL: f"sha256:{lock}",
            BASE_LABEL: (base.get("RepoDigests") or [base["Id"]])[0],
            BUILD_LABEL: self.token,
        }
        image, printed = "", ""
        for told in self.engine.build(context, arguments, labels, "Dockerfile"):
            image = str((told.get("aux") or {}).get("ID", image))
            text = str(told.get("stream", ""))
            printed = (printed + text)[-4000:]
            self._hear(text)
            if "error" in told:
                raise self._failed(told, printed)
        if not image:
            raise BuildError(f"The daemon did not say what became of {self.subject}.")
        return image

    def _copies(self, interpreter: Interpreter) -> bool:
        if self.wishes.install == "inside" or (self.wishes.wheels and self.wishes.install == "auto"):
            return False
        venv = self.definition.directory(self.root)
        reason = (
            image_context.why_not_copy(venv, interpreter)
            if catalogue.is_ready(venv)
            else "it is not built on this host"
        )
        if reason and self.wishes.install == "copy":
            raise BuildError(
                f"Environment '{self.definition.name}' cannot be copied into an image, {reason}: build it with "
                "--install inside."
            )
        return not reason

    def _copied(self, interpreter: Interpreter) -> Iterator[bytes]:
        venv = self.definition.directory(self.root)
        size = sum(entry.stat().st_size for entry in venv.rglob("*") if entry.is_file())
        sent = 0
        for piece in image_context.to_copy(venv, interpreter):
            sent += len(piece)
            share = min(1.0, sent / max(1, size))
            percent = _BASE_SHARE + int(share * (_FILES_SHARE - _BASE_SHARE) * 0.8)
            self._say("building", percent, f"Copying files ({sent // _MB} MB)")
            yield piece
        self._say("building", _FILES_SHARE, "Writing the image")

    def _installed(self) -> Iterator[bytes]:
        self._say("building", _BASE_SHARE, "Sending what is needed")
        told = dict(os.environ)  # noqa: TID251  uv and pip have settings of their own there
        return image_context.to_install(self.definition, self.wishes.wheels, told)

    def _hear(self, text: str) -> None:
        for line in text.splitlines():
            if found := _STEP.match(line):
                percent = _BASE_SHARE + int(int(found[1]) * (_FILES_SHARE - _BASE_SHARE) / 100)
                self._say("building", percent, found[2] if found[2] != "Ready" else "Writing the image")

    def _failed(self, told: dict[str, Any], printed: str) -> BuildError:
        """The failure inside in its own words, else the daemon's."""
        code = int((told.get("errorDetail") or {}).get("code", 0))
        kinds = {kind.exit_code: kind for kind in (PackagesUnreachableError, DiskTooSmallError)}
        for line in printed.splitlines():
            if line.startswith(_FAILED):
                return kinds.get(code, BuildError)(line.removeprefix(_FAILED))
        return failures.explain_daemon(self.subject, EngineError(str(told["error"])))

    def _try(self, image: str) -> None:
        """An image is ready when what it is for can be imported in it."""
        modules = ", ".join(self.definition.preload) or "sys"
        self._say("building", _TRIAL_SHARE, f"Trying: import {modules}")
        trial = self.engine.try_out(image, [INTERPRETER, "-I", "-c", f"import {modules}"], self._name("try"))
        if trial.code != 0:
            raise BuildError(
                f"{self.subject[:1].upper()}{self.subject[1:]} was built, but `import {modules}` fails in it: "
                f"{_last_line(trial.output) or f'exit status {trial.code}'}"
            )

    def _name(self, what: str) -> str:
        return f"podium-build-{self.token[:12]}-{what}"


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1][:300]
