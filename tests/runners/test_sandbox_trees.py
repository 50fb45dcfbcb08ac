"""Trees in real sandboxes: what lies unpacked is read-only, what is left in /model comes back whole."""

from __future__ import annotations

import dataclasses
import os
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runners.environments import definitions
from runners.environments.images import find_image
from runners.sandboxes import shims, trees
from runners.sandboxes.choice import Sandbox
from runners.sandboxes.plan import SandboxPlan
from runners.spec import Limits
from runners.verdict import OutputState
from tests.runners.sandbox_stage import Result, SandboxStage

pytestmark = pytest.mark.sandbox


@pytest.fixture(params=[Sandbox.NSJAIL, Sandbox.DOCKER, Sandbox.RUNSC])
def stage(
    request: pytest.FixtureRequest, tmp_path: Path, bare_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SandboxStage]:
    if request.param is Sandbox.NSJAIL:
        staged = SandboxStage(tmp_path, bare_environment)
    else:
        host: str = request.getfixturevalue("docker_host")
        monkeypatch.setenv("PODIUM_DOCKER_HOST", host)
        image = find_image(definitions()["python"].identifier, host)
        staged = SandboxStage(tmp_path, bare_environment, request.param, image=image, docker_host=host)
    yield staged
    staged.end_all()
    staged.assert_nothing_left()


def run(stage: SandboxStage, program: str, files: dict[str, bytes], **fields: Any) -> Result:
    """Run the program of a project: `files` and main.py lie packed, and are unpacked at /submission."""
    archive = stage.directory / "project.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for name, content in {"main.py": program.encode(), **files}.items():
            packed.writestr(name, content)
    shutil.rmtree(stage.directory / "project", ignore_errors=True)
    trees.unpack(archive, stage.directory / "project")
    rundir = stage.directory / f"test-{len(stage.rundirs)}-{os.getpid()}"
    rundir.mkdir(mode=0o700)
    stage.rundirs.append(rundir)
    plan = SandboxPlan(
        argv=("{python}", "/submission/main.py"),
        environment=str(stage.environment),
        limits=Limits(wall_s=20, cpu_s=20, memory_mb=256, pids=32, disk_mb=16, inodes=200, output_mb=4),
        required_output="submission.csv",
        inputs=((str(stage.directory / "project"), "/submission"),),
        image=stage.image,
    )
    shims.launch(rundir, dataclasses.replace(plan, **fields), stage.sandbox)
    return stage.wait(rundir, within_s=40)


def test_a_project_lies_read_only_with_all_its_files(stage: SandboxStage) -> None:
    program = """
import os, part.numbers
assert open("/submission/part/data").read() == "1"
for place in ("/submission/new", "/submission/part/data", "/submission/part/new"):
    try:
        open(place, "w")
    except OSError:
        continue
    raise AssertionError(place)
open("submission.csv", "w").write(f"{part.numbers.ONE} {os.getcwd()}")
"""
    result = run(stage, program, {"part/numbers.py": b"ONE = 1", "part/data": b"1"})
    assert result.facts.exit_code == 0, result.log
    assert (result.rundir / "outputs" / "submission.csv").read_text() == "1 /output"


def test_a_model_comes_back_whole(stage: SandboxStage) -> None:
    program = "import os\nos.makedirs('/model/a/b')\nopen('/model/a/b/w', 'w').write('7')\nopen('x', 'w')"
    result = run(stage, program, {}, tree="/model", required_output="model.zip")
    assert (result.facts.output, result.names) == (OutputState.OK, ["model.zip"]), result.log
    with zipfile.ZipFile(result.rundir / "outputs" / "model.zip") as archive:
        assert {info.filename: archive.read(info) for info in archive.infolist()} == {"a/b/w": b"7"}


@pytest.mark.parametrize(
    ("program", "state"),
    [
        ("", OutputState.MISSING),
        ("import os\nos.symlink('/etc/passwd', '/model/w')", OutputState.NOT_REGULAR),
        ("import os\nos.mkfifo('/model/w')", OutputState.NOT_REGULAR),
        ("open('/model/w', 'wb').write(bytes(5 << 20))", OutputState.TOO_BIG),
        ("import os\nfor n in range(150): os.mkdir('d' * 20); os.chdir('d' * 20)", OutputState.TOO_BIG),
    ],
)
def test_a_model_that_is_no_model_is_none(stage: SandboxStage, program: str, state: OutputState) -> None:
    result = run(stage, program, {}, tree="/model", required_output="model.zip", cwd="/model")
    if "mkfifo" in program and stage.sandbox is Sandbox.RUNSC:
        state = OutputState.MISSING  # gVisor keeps a FIFO to itself: outside there is nothing
    assert (result.facts.output, result.names, result.facts.exit_code) == (state, [], 0), result.log


def test_without_a_training_there_is_no_place_for_a_model(stage: SandboxStage) -> None:
    result = run(stage, "open('/model/w', 'w')", {})
    assert result.facts.exit_code == 1
