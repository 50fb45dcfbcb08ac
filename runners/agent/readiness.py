"""What the sandboxes of this host can run now: environments as folders for nsjail, as images for Docker.

Theory of operation. Folders are looked for at each claim: a few system calls. A daemon is asked for its images every
few seconds at most, because it looks at every one it has. That is enough: who builds an image may wait so long for its
first job, and one that goes away meanwhile fails its job as one that went a moment later would. A daemon that
is away has no images, so this host is given no job for it.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import structlog

from runners import environments
from runners.agent.settings import Settings
from runners.environments import images, own_images
from runners.sandboxes.choice import Sandbox
from runners.sandboxes.engine import EngineError
from runners.spec import IMAGE_PREFIX, JobSpec

log = structlog.get_logger()

BELIEVED_S = 5.0
IN_THE_IMAGE = Path("/env")
Told = tuple[list[str], dict[str, dict[str, Any]]]


class Readiness:
    """One for an agent; any thread may ask."""

    def __init__(self, settings: Settings) -> None:
        self._root, self._host = settings.environments_dir, settings.docker_host
        self._turn = threading.Lock()
        self._images: Told = ([], {})
        self._asked_at = -BELIEVED_S
        self._away = ""

    def ready(self, sandbox: Sandbox) -> list[str]:
        """What jobs may ask for: identifiers of environments, and "image:…" for images of organisers' own."""
        return environments.ready(self._root) if sandbox is Sandbox.NSJAIL else self._at_daemon()[0]

    def locate(self, sandbox: Sandbox, identifier: str) -> tuple[Path, str]:
        """The folder of an environment, or /env and the id of its image. Raises LookupError, EngineError."""
        if sandbox is Sandbox.NSJAIL:
            return environments.find(self._root, identifier), ""
        return IN_THE_IMAGE, images.find_image(identifier, self._host)

    def building(self, sandbox: Sandbox) -> dict[str, dict[str, Any]]:
        """The builds under way, or failed, by environment."""
        known = environments.progress(self._root) if sandbox is Sandbox.NSJAIL else self._at_daemon()[1]
        return {name: progress for name, progress in known.items() if progress.get("state") != "ready"}

    def _at_daemon(self) -> Told:
        with self._turn:
            if time.monotonic() - self._asked_at >= BELIEVED_S:
                try:
                    self._images = self._ask()
                    self._away = ""
                except EngineError as error:
                    self._images = ([], {})
                    if str(error) != self._away:
                        log.warning("no images", reason=str(error))
                    self._away = str(error)
                self._asked_at = time.monotonic()
            return self._images

    def _ask(self) -> Told:
        own = own_images.admitted(self._root, self._host)
        ready = [*images.ready_images(self._host), *(f"{IMAGE_PREFIX}{identity}" for identity in own)]
        return ready, images.image_progress(self._root, self._host)


def located(settings: Settings, sandbox: Sandbox, spec: JobSpec) -> tuple[Path, str]:
    """Where a job's environment is: a folder of this host, or /env in the image with this id.

    Raises LookupError when it is not here, EngineError.
    """
    if sandbox is Sandbox.NSJAIL:
        if spec.image:
            raise LookupError(f"the image {spec.image} needs a host with Docker")
        return environments.find(settings.environments_dir, spec.environment), ""
    if spec.image:
        return IN_THE_IMAGE, own_images.find_own(spec.image, settings.environments_dir, settings.docker_host)
    return IN_THE_IMAGE, images.find_image(spec.environment, settings.docker_host)
