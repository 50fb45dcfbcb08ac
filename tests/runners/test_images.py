"""Environments are really built as Docker images, from a wheel made here: no package index is needed."""

from __future__ import annotations

import functools
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from runners import environments
from runners.environments import BuildError, DiskTooSmallError, PackagesUnreachableError, Progress
from runners.environments import images as docker_images
from runners.environments.image_building import Wishes, build_image
from runners.environments.image_engine import ImageEngine
from runners.sandboxes.engine import EngineError
from tests.docker import BASE_IMAGE
from tests.stack import eventually

pytestmark = pytest.mark.sandbox


class Workshop:
    """Builds images of `tiny` at a real daemon."""

    def __init__(self, host: str, images: Path, root: Path) -> None:
        self.engine = ImageEngine(host)
        self.host, self.images, self.root = host, images, root
        self.heard: list[Progress] = []
        name = f"i{uuid.uuid4().hex[:8]}"  # an environment of this test's own
        (images / "tiny").rename(images / name)
        self.name = name

    @property
    def definition(self) -> environments.Definition:
        return environments.definitions(self.images)[self.name]

    @property
    def identifier(self) -> str:
        return self.definition.identifier

    def wishes(self, install: str = "inside", base: str = BASE_IMAGE, wheels: Path | None = None) -> Wishes:
        return Wishes(host=self.host, base=base, install=install, wheels=wheels)

    def build(self, install: str = "inside", wheels: Path | None = None) -> str:
        return build_image(
            self.name, self.root, self.heard.append, self.wishes(install, wheels=wheels), images=self.images
        )

    def build_venv(self) -> Path:
        return environments.build(self.name, self.root, lambda _state: None, images=self.images)

    def python(self, image: str, code: str) -> str:
        name = f"i-{uuid.uuid4().hex[:12]}"
        return self.engine.try_out(image, ["/env/bin/python", "-I", "-c", code], name).output.strip()

    def settings(self, *lines: str) -> None:
        text = "\n".join(['title = "Tiny"', "disk_mb = 1", *lines])
        (self.images / self.name / "environment.toml").write_text(text + "\n")

    def names_in_layers(self, image: str) -> set[str]:
        """Every path in every layer, also what an upper one hides."""
        found: set[str] = set()
        command = ["docker", "--host", self.host, "save", image]
        saved = subprocess.run(command, check=True, capture_output=True).stdout
        with tarfile.open(fileobj=io.BytesIO(saved)) as archive:
            for member in archive:
                if member.name.endswith("layer.tar"):
                    layer = archive.extractfile(member)
                    assert layer is not None
                    with tarfile.open(fileobj=layer) as inner:
                        found |= set(inner.getnames())
        return found

    def nameless(self) -> list[str]:
        """What builds of this environment left without a name."""
        labelled = self.engine.images(docker_images.BUILD_LABEL)
        known = {progress.version for progress in self.heard}
        return [
            image["Id"]
            for image in labelled
            if (image.get("Labels") or {}).get(docker_images.ENVIRONMENT_LABEL, "").partition("@")[2] in known
            and image.get("RepoTags") in (None, [], ["<none>:<none>"])
        ]


@pytest.fixture
def workshop(docker_host: str, images: Path, root: Path) -> Iterator[Workshop]:
    bench = Workshop(docker_host, images, root)
    yield bench
    for image in bench.engine.images(docker_images.ENVIRONMENT_LABEL):
        if image["Labels"][docker_images.ENVIRONMENT_LABEL].startswith(f"{bench.name}@"):
            eventually(functools.partial(removed, bench, image["Id"]), what="nothing runs in the image")


def removed(bench: Workshop, image: str) -> bool:
    """A container that was tried out, or one of a test beside this one, may be on its way out."""
    try:
        bench.engine.remove_image(image)
    except EngineError:
        return False
    return True


@pytest.mark.parametrize("install", ["inside", "copy"])
def test_an_image_has_the_environment_at_env_and_says_what_it_is(workshop: Workshop, install: str) -> None:
    if install == "copy":
        workshop.build_venv()
    image = workshop.build(install)
    printed = workshop.python(image, "import speck, sys; print(speck.VALUE, sys.prefix, sys.base_prefix)")
    assert printed == "42 /env /usr"
    assert docker_images.find_image(workshop.identifier, workshop.host) == image
    assert workshop.identifier in docker_images.ready_images(workshop.host)
    labels = docker_images.labels(workshop.engine.image(image) or {})
    base = workshop.engine.image(BASE_IMAGE)
    assert base is not None
    assert labels["podium.environment"] == workshop.identifier
    assert labels["podium.lock"].startswith("sha256:")
    assert labels["podium.base"] == base["Id"]
    percents = [state.percent for state in workshop.heard]
    assert percents == sorted(percents)
    assert (workshop.heard[0].state, workshop.heard[-1].state, percents[-1]) == ("building", "ready", 100)
    found = docker_images.image_progress(workshop.root, workshop.host, workshop.images)
    assert found[workshop.name]["state"] == "ready"


@pytest.mark.parametrize("install", ["inside", "copy"])
def test_what_is_withheld_is_in_no_layer_of_the_image(workshop: Workshop, install: str) -> None:
    workshop.settings('withheld = ["speck_m*.py"]')
    if install == "copy":
        workshop.build_venv()
    names = workshop.names_in_layers(workshop.build(install))
    assert [name for name in names if name.endswith("site-packages/speck.py")]
    assert [name for name in names if "speck_more" in name] == []
    assert [name for name in names if name.startswith("podium") or name.endswith(("/uv", "READY"))] == []


@pytest.mark.parametrize("install", ["inside", "copy"])
def test_modules_are_compiled_in_the_image_and_what_was_compiled_is_used(
    workshop: Workshop, install: str
) -> None:
    if install == "copy":
        workshop.build_venv()
    image = workshop.build(install)
    name = f"i-{uuid.uuid4().hex[:12]}"
    told = workshop.engine.try_out(image, ["/env/bin/python", "-I", "-v", "-c", "import speck"], name).output
    assert "speck.cpython-" in told
    assert "matches /env/lib" in next(line for line in told.splitlines() if "speck.cpython" in line)


def test_a_ready_image_is_not_built_again(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    image = workshop.build()
    monkeypatch.setenv("UV_FIND_LINKS", "/nonexistent")
    assert workshop.build() == image


def test_a_folder_of_wheels_is_enough(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("UV_FIND_LINKS", "UV_NO_INDEX"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")  # would be refused
    image = workshop.build("auto", wheels=tmp_path / "wheels")
    assert workshop.python(image, "import speck; print(speck.VALUE)") == "42"


def test_an_image_in_which_its_modules_do_not_import_gets_no_name_and_leaves_nothing(
    workshop: Workshop,
) -> None:
    workshop.build_venv()  # for the lock file's version alone: what is tried in the image is another list
    (workshop.images / workshop.name / "preload.txt").write_text("speck\nno_such_module\n")
    with pytest.raises(BuildError, match="no_such_module"):
        workshop.build("copy")
    assert workshop.identifier not in docker_images.ready_images(workshop.host)
    assert workshop.nameless() == []
    found = docker_images.image_progress(workshop.root, workshop.host, workshop.images)
    assert found[workshop.name]["state"] == "failed"
    assert "no_such_module" in found[workshop.name]["error"]


def test_a_failure_inside_is_told_in_its_own_words(workshop: Workshop) -> None:
    workshop.settings('withheld = ["speck/data/*.csv"]')
    with pytest.raises(BuildError, match=r"shall not hold speck/data/\*\.csv") as caught:
        workshop.build()
    assert "\n" not in str(caught.value)
    assert workshop.nameless() == []


def test_two_builders_at_once_build_once(workshop: Workshop) -> None:
    second: list[Progress] = []
    built: list[str] = []

    def other() -> None:
        wishes = workshop.wishes()
        built.append(build_image(workshop.name, workshop.root, second.append, wishes, images=workshop.images))

    thread = threading.Thread(target=other)

    def report(state: Progress) -> None:
        if not workshop.heard:
            thread.start()
        workshop.heard.append(state)

    image = build_image(workshop.name, workshop.root, report, workshop.wishes(), images=workshop.images)
    thread.join(60)
    assert built == [image]
    assert second[-1].state == "ready"


def test_a_killed_builder_leaves_no_ready_image_and_the_next_one_builds_it(workshop: Workshop) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from runners.environments.image_building import Wishes, build_image\n"
        "say = lambda state: print(state.step, flush=True)\n"
        "build_image(sys.argv[1], Path(sys.argv[2]), say, Wishes(host=sys.argv[3], base=sys.argv[4],"
        " install='inside'), images=Path(sys.argv[5]))"
    )
    arguments = (workshop.name, workshop.root, workshop.host, BASE_IMAGE, workshop.images)
    with subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, text=True
    ) as builder:
        assert builder.stdout is not None
        for line in builder.stdout:
            if line.startswith("Preparing"):  # inside
                builder.send_signal(signal.SIGKILL)
    assert workshop.identifier not in docker_images.ready_images(workshop.host)
    stopped = docker_images.image_progress(workshop.root, workshop.host, workshop.images)[workshop.name]
    assert (stopped["state"], "interrupted" in stopped["error"]) == ("failed", True)
    assert workshop.python(workshop.build(), "import speck; print(speck.VALUE)") == "42"
    assert workshop.nameless() == []


def test_a_base_image_that_cannot_be_had_is_named_with_what_to_do(workshop: Workshop) -> None:
    wishes = workshop.wishes(base="127.0.0.1:9/nothing:1")
    with pytest.raises(
        PackagesUnreachableError, match=r"127\.0\.0\.1:9/nothing:1.*tools/base_image\.sh"
    ) as e:
        build_image(workshop.name, workshop.root, workshop.heard.append, wishes, images=workshop.images)
    assert "\n" not in str(e.value)


def test_a_daemon_that_is_away_is_named_with_what_to_do(workshop: Workshop, tmp_path: Path) -> None:
    wishes = Wishes(host=f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(BuildError, match=r"does not answer.*PODIUM_DOCKER_HOST") as caught:
        build_image(workshop.name, workshop.root, workshop.heard.append, wishes, images=workshop.images)
    assert caught.value.exit_code == 3


def test_a_full_disk_is_said_before_anything_is_built(workshop: Workshop) -> None:
    (workshop.images / workshop.name / "environment.toml").write_text(
        'title = "Tiny"\ndisk_mb = 1000000000\n'
    )
    with pytest.raises(DiskTooSmallError, match="1000000000 MB"):
        workshop.build()


def test_a_venv_that_was_compiled_for_this_host_is_not_copied(workshop: Workshop) -> None:
    venv = workshop.build_venv()
    (wheel,) = venv.glob("lib/python3*/site-packages/speck-1.0.dist-info/WHEEL")
    text = wheel.read_text().replace("py3-none-any", "cp311-cp311-linux_x86_64")
    wheel.unlink()  # it may be linked to uv's cache
    wheel.write_text(text)
    with pytest.raises(BuildError, match="speck was compiled for this host alone"):
        workshop.build("copy")
    assert workshop.python(workshop.build("auto"), "import speck; print(speck.VALUE)") == "42"


def test_the_command_builds_and_lists(docker_host: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "runners.environments", "list", "--sandbox", "docker"]
    known = dict(os.environ, PODIUM_DOCKER_HOST=docker_host)  # noqa: TID251  a child process
    done = subprocess.run(
        [*command, "--root", str(tmp_path)], capture_output=True, text=True, env=known, check=True
    )
    lines = {line.split("@")[0]: line.split()[1] for line in done.stdout.splitlines()}
    assert (lines["python"], lines["scoring"]) == ("ready", "ready")
    assert json.dumps(sorted(lines)) == json.dumps(sorted(environments.definitions()))
