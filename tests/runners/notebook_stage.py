"""A stage for notebooks: the driver as the site ships it, in a real sandbox with the real environment."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from runners.environments import definitions
from runners.notebook import bundle
from runners.sandboxes.plan import SandboxPlan
from runners.spec import Limits
from runners.warm.idle import Idle, Kind, give, start
from runners.warm.pool import preload_of
from runners.warm.shapes import NOTEBOOK
from tests.runners.sandbox_stage import SLOT, SUBMISSION, Result, SandboxStage, until

WRITE_OUTPUT = f"open('{SUBMISSION}', 'w').write('id,target\\n1,2\\n')"
_USUAL = Limits(
    wall_s=60, cpu_s=60, memory_mb=512, pids=64, disk_mb=64, inodes=500, log_kb=64, output_mb=16
).as_json()


def code(source: str, *tags: str) -> dict[str, Any]:
    """A code cell as a file holds it, with an output that nobody may ever see again."""
    return {
        "cell_type": "code",
        "metadata": {"tags": list(tags)},
        "execution_count": 77,
        "outputs": [{"output_type": "stream", "name": "stdout", "text": ["stale output\n"]}],
        "source": source.splitlines(keepends=True),
    }


def notebook(*cells: str | dict[str, Any], **metadata: Any) -> bytes:
    """A notebook of format 4; strings are code cells."""
    whole = [code(cell) if isinstance(cell, str) else cell for cell in cells]
    return json.dumps(
        {"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": whole}, ensure_ascii=False
    ).encode()


class NotebookStage(SandboxStage):
    """Runs notebooks; what is left of a run is looked at as a program's is."""

    def begin(self, content: bytes, *, links: tuple[tuple[str, str], ...] = (), **limits: Any) -> Path:
        number = len(self.rundirs)
        files = {
            bundle.NOTEBOOK: (f"{number}.ipynb", content),
            bundle.PROGRAM: (f"{number}.pyz", bundle.build_zipapp()),
        }
        inputs = []
        for place, (name, data) in files.items():
            path = self.directory / name
            path.write_bytes(data)
            path.chmod(0o444)
            inputs.append((str(path), place))
        allowed = Limits(**(_USUAL | limits))
        rundir = (
            self.directory / f"test-{uuid.uuid4().hex}"
        )  # names its cgroup, of which another run may have its own
        rundir.mkdir(mode=0o700)
        self.rundirs.append(rundir)
        plan = SandboxPlan(
            argv=bundle.argv(allowed.wall_s),
            environment=str(self.environment),
            limits=allowed,
            required_output=SUBMISSION,
            kept=bundle.KEPT,
            inputs=tuple(inputs),
            links=links,
            slot=SLOT,
            env=(("OMP_NUM_THREADS", "1"), ("PODIUM_JOB_KIND", "run")),
        )
        self.start(rundir, plan)
        return rundir

    def execute(self, *cells: str | dict[str, Any], **limits: Any) -> Result:
        return self.wait(self.begin(notebook(*cells), **limits), within_s=60)


class WarmNotebookStage(NotebookStage):
    """Every notebook gets a driver and a kernel that have waited for it."""

    def start(self, rundir: Path, plan: SandboxPlan) -> None:
        assert give(self.waiting(), plan, rundir)

    def waiting(self) -> Idle:
        identifier = definitions()["python"].identifier
        kind = Kind(self.sandbox, identifier, NOTEBOOK.name)
        preload = preload_of(identifier, self.environment)
        waiting = start(
            self.directory,
            kind,
            self.environment,
            image="",
            slot=SLOT,
            memory_mb=1024,
            threads=1,
            preload=preload,
        )
        until(waiting.ready, "a warm kernel", within_s=60)
        return waiting


def report(result: Result) -> dict[str, Any]:
    """What the driver says about how far the notebook came."""
    told: dict[str, Any] = json.loads((result.rundir / "outputs" / bundle.REPORT).read_text("utf-8"))
    return told


def executed(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((result.rundir / "outputs" / bundle.EXECUTED).read_text("utf-8"))
    return found


def shown(result: Result) -> str:
    return (result.rundir / "outputs" / bundle.PAGE).read_text("utf-8")


def outputs(result: Result, cell: int) -> str:
    """All that a cell (from 1) shows, as text."""
    return json.dumps(executed(result)["cells"][cell - 1]["outputs"], ensure_ascii=False)
