"""Building one environment: the steps, in the order that makes a death at any moment harmless."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from runners.environments import catalogue, progress
from runners.environments.catalogue import READY, Definition
from runners.environments.compiling import compile_modules
from runners.environments.failures import BuildError, DiskTooSmallError, explain
from runners.environments.packages import UvFailedError, base_python, run_uv
from runners.environments.progress import Progress

_PACKAGES_SHARE, _COMPILED_SHARE = 75, 95  # percent of a build after installing, after compiling
_LOOK_EVERY_S = 0.3  # while another process builds the same environment
_MB = 10**6

Reporter = Callable[[Progress], None]


def build(name: str, root: Path, report: Reporter, images: Path = catalogue.IMAGES) -> Path:
    """Build environment `name` below `root`, or wait for whoever is building it; returns its directory.

    A ready environment is returned at once. `report` hears of every whole percent and of every step; the same
    goes to the progress file. Raises KeyError for an unknown name and BuildError with one line for the
    operator.
    """
    definition = catalogue.definitions(images)[name]
    directory = definition.directory(root)
    directory.parent.mkdir(parents=True, exist_ok=True)
    last: Progress | None = None
    while not catalogue.is_ready(directory):
        with progress.try_lock(root, definition) as lock:
            if lock is not None:
                _Build(definition, root, report, lock).run()
                return directory
        others = progress.read(root, definition)
        if others is not None and others != last:
            report(last := others)
        time.sleep(_LOOK_EVERY_S)
    report(_progress(definition, "ready", 100, "Ready"))
    return directory


def _progress(definition: Definition, state: str, percent: int, step: str, error: str = "") -> Progress:
    return Progress(
        name=definition.name, version=definition.version, state=state, percent=percent, step=step, error=error
    )


class _Build:
    """One build under the lock."""

    def __init__(self, definition: Definition, root: Path, report: Reporter, lock: int) -> None:
        self.definition, self.root, self.report, self.lock = definition, root, report, lock
        self.final = definition.directory(root)
        self.subject = f"environment '{definition.name}'"
        self.half = self.final.with_name(f"{definition.version}.building")
        self.last: Progress | None = None

    def run(self) -> None:
        if catalogue.is_ready(self.final):  # built while we waited for the lock
            return
        try:
            self._steps()
        except BuildError as error:
            self._give_up(error)
            raise
        except OSError as error:
            failure = explain(self.subject, f"error: {error}")
            self._give_up(failure)
            raise failure from error
        finally:
            shutil.rmtree(self.half, ignore_errors=True)

    def _give_up(self, error: BuildError) -> None:
        shutil.rmtree(self.half, ignore_errors=True)  # first: a full disk has no room for the next line
        with contextlib.suppress(OSError):
            self._say("failed", self.last.percent if self.last else 0, "Failed", str(error))

    def _steps(self) -> None:
        self._say("building", 0, "Preparing")
        shutil.rmtree(self.half, ignore_errors=True)
        self._check_disk()
        self._install()
        self._withhold()
        self._compile()
        self._try_imports()
        marker = {
            "identifier": self.definition.identifier,
            "python": base_python(),
            "built_at": int(time.time()),
        }
        (self.half / READY).write_text(json.dumps(marker) + "\n", encoding="utf-8")
        shutil.rmtree(self.final, ignore_errors=True)  # there, but not ready: its interpreter has gone
        self.half.rename(self.final)
        self._say("ready", 100, "Ready")

    def _say(self, state: str, percent: int, step: str, error: str = "") -> None:
        current = _progress(self.definition, state, percent, step, error)
        if current != self.last:
            self.last = current
            progress.write(self.root, current)
            self.report(current)

    def _check_disk(self) -> None:
        free = shutil.disk_usage(self.final.parent).free // _MB
        if free < self.definition.disk_mb:
            raise DiskTooSmallError(
                f"Environment '{self.definition.name}' needs {self.definition.disk_mb} MB of free disk below "
                f"{self.root}, and there are {free} MB: free some space, or leave it out with ENVIRONMENTS=…"
            )

    def _install(self) -> None:
        requirements = self.definition.requirements_file
        python = str(catalogue.interpreter(self.half))
        install = ["pip", "install", "--python", python, "-r", str(requirements)]
        if fully_hashed(requirements.read_text(encoding="utf-8")):
            install.append("--require-hashes")
        extra = os.environ.get("PODIUM_TORCH_INDEX")  # noqa: TID251  no settings in this package
        if extra and "torch" in self.definition.preload:
            # The pins and hashes of the lock decide what is taken; only torch itself is left open.
            install += ["--index", extra, "--index-strategy", "unsafe-best-match"]
        try:
            run_uv(
                ["venv", "--relocatable", "--python", base_python(), str(self.half)],
                lambda _share, _step: None,
                keep_open=(self.lock,),
            )
            run_uv(
                install,
                lambda share, step: self._say("building", 1 + int(share * (_PACKAGES_SHARE - 1)), step),
                keep_open=(self.lock,),
            )
        except UvFailedError as error:
            raise explain(self.subject, str(error)) from error

    def _withhold(self) -> None:
        """Remove what contestants' code must not find: data sets with labels that contests may hide.

        A pattern that matches nothing fails the build: its files have moved, and would be handed out.
        """
        for pattern in self.definition.withheld:
            found = sorted(self.half.glob(f"lib/python3*/site-packages/{pattern}"))
            if not found:
                raise BuildError(
                    f"Environment '{self.definition.name}' shall not hold {pattern}, and no such file was "
                    f"installed: look where it is now, and mend environment.toml"
                )
            for path in found:
                path.unlink()  # never rewritten in place: it may be a hard link into uv's cache

    def _compile(self) -> None:
        scale = _COMPILED_SHARE - _PACKAGES_SHARE
        compile_modules(
            catalogue.interpreter(self.half),
            self.half / "lib",
            lambda share: self._say("building", _PACKAGES_SHARE + int(share * scale), "Compiling modules"),
        )

    def _try_imports(self) -> None:
        """An environment is ready when what it is for can be imported."""
        modules = ", ".join(self.definition.preload)
        if not modules:
            return
        self._say("building", _COMPILED_SHARE, f"Trying: import {modules}")
        command = [str(catalogue.interpreter(self.half)), "-I", "-c", f"import {modules}"]
        tried = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if tried.returncode != 0:
            reason = (tried.stderr.strip().splitlines() or [f"exit status {tried.returncode}"])[-1]
            raise BuildError(
                f"Environment '{self.definition.name}' was built, but `import {modules}` fails: {reason}"
            )


def fully_hashed(requirements: str) -> bool:
    """Whether every requirement has hashes: then uv shall accept nothing without one."""
    lines = [line for line in requirements.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    wanted = [line for line in lines if not line.startswith(" ")]
    return bool(wanted) and all(line.rstrip().endswith("\\") for line in wanted)
