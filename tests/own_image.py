"""An organiser's own image for tests, and a registry on this machine that it comes from."""

from __future__ import annotations

import contextlib
import io
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

from runners.environments.image_engine import ImageEngine
from tests.docker import BASE_IMAGE
from tests.stack import eventually, free_port

VISION = "RUN [\"python3\", \"-c\", \"open('/vision.txt', 'w').write('own')\"]"


def build(host: str, *lines: str, base: str = BASE_IMAGE) -> str:
    """Build an image without a name; its id."""
    dockerfile = "\n".join([f"FROM {base}", *lines]).encode()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(dockerfile)
        tar.addfile(entry, io.BytesIO(dockerfile))
    told = list(ImageEngine(host).build([archive.getvalue()], {}, {}, "Dockerfile"))
    assert "error" not in told[-1], told
    return str(next(item["aux"]["ID"] for item in reversed(told) if "aux" in item))


class Registry:
    """A registry, and one daemon that pushes to it."""

    def __init__(self, host: str, address: str) -> None:
        self.host, self.address = host, address

    def push(self, image: str, name: str) -> str:
        """Give an image to the registry and take it from the daemon; its name by digest."""
        engine = ImageEngine(self.host)
        repository = f"{self.address}/{name}"
        engine.tag(image, repository, "1")
        subprocess.run(
            ["docker", "--host", self.host, "push", "--quiet", f"{repository}:1"],
            check=True,
            capture_output=True,
            timeout=60,
        )
        known = engine.image(image)
        assert known is not None
        (identity,) = known["RepoDigests"]
        engine.remove_image(f"{repository}:1")
        engine.remove_image(identity)
        return str(identity)


@contextlib.contextmanager
def registry(host: str, folder: Path) -> Iterator[Registry]:
    """A real registry that listens on this machine alone."""
    address = f"127.0.0.1:{free_port()}"
    configuration = folder / "registry.yml"
    configuration.write_text(
        f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder}/blobs}}}}\n"
        f"http: {{addr: {address}}}\n"
    )
    with (
        (folder / "registry.log").open("wb") as log,
        subprocess.Popen(["docker-registry", "serve", configuration], stdout=log, stderr=log) as process,
    ):
        try:
            eventually(lambda: _answers(address), what="the registry answers")
            yield Registry(host, address)
        finally:
            process.terminate()


def _answers(address: str) -> bool:
    done = subprocess.run(["curl", "-fsS", f"http://{address}/v2/"], capture_output=True, check=False)
    return done.returncode == 0
