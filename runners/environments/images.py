"""Environments as Docker images: what they are called, and which of them stand ready at a daemon.

An image is called `podium/<name>:<version>`, and only a complete one that was tried out is ever called so: the name is
given last, as the directory of a venv gets its name. Its labels say what is in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runners.environments import catalogue
from runners.environments.catalogue import Definition
from runners.environments.image_engine import ImageEngine
from runners.environments.progress import IMAGE, Progress, unfinished

ENVIRONMENT_LABEL = "podium.environment"  # the identifier
LOCK_LABEL = "podium.lock"  # SHA-256 of the lock it was installed from
BASE_LABEL = "podium.base"  # the base image, by digest
BUILD_LABEL = "podium.build"  # which build it came from
INTERPRETER = "/env/bin/python"


def reference(identifier: str) -> str:
    """What the image of environment `<name>@<version>` is called."""
    name, _, version = identifier.partition("@")
    return f"podium/{name}:{version}"


def ready_images(host: str) -> list[str]:
    """Identifiers of the environments whose images are at this daemon. Raises EngineError."""
    found = []
    for image in ImageEngine(host).images(ENVIRONMENT_LABEL):
        identifier = str((image.get("Labels") or {}).get(ENVIRONMENT_LABEL, ""))
        if reference(identifier) in (image.get("RepoTags") or ()):
            found.append(identifier)
    return sorted(found)


def find_image(identifier: str, host: str) -> str:
    """The id ("sha256:…") of an environment's image. Raises LookupError when it is not there, EngineError."""
    image = ImageEngine(host).image(reference(identifier))
    if image is None or labels(image).get(ENVIRONMENT_LABEL) != identifier:
        raise LookupError(f"the image of environment {identifier} is not built here")
    return str(image["Id"])


def labels(image: dict[str, Any]) -> dict[str, str]:
    return (image.get("Config") or {}).get("Labels") or {}


def image_progress(root: Path, host: str, images: Path = catalogue.IMAGES) -> dict[str, dict[str, Any]]:
    """The progress of every current environment whose image is ready or was begun, by name. Raises EngineError."""
    ready = set(ready_images(host))
    answer: dict[str, dict[str, Any]] = {}
    for name, definition in catalogue.definitions(images).items():
        if definition.identifier in ready:
            answer[name] = progress_of(definition, "ready", 100, "Ready").as_json()
        elif (begun := unfinished(root, definition, IMAGE)) is not None:
            answer[name] = begun.as_json()
    return answer


def progress_of(definition: Definition, state: str, percent: int, step: str, error: str = "") -> Progress:
    return Progress(
        name=definition.name, version=definition.version, state=state, percent=percent, step=step, error=error
    )
