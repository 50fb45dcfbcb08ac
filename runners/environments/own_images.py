"""Organisers' own images: brought to a host by its operator, never by a run.

Theory of operation. An image is named by digest, `<name>@sha256:<64 digits>`, so that what is run in a year is what
was agreed on today. `admit` fetches it, or takes it as it lies there, looks it over (what it must and must not
hold is said in docs/docker.md), starts its python3 as a sandbox would, and then writes a small file below the
environments' root. `admitted` lists those whose image is still there: an agent offers these and no others, so
nothing that happens to lie at the daemon is ever run because a contest asks for it.

A digest is that of the registry's manifest, or the image's own id where it came without a registry (`docker load`).
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runners.environments.failures import BuildError, PackagesUnreachableError
from runners.environments.image_engine import ImageEngine
from runners.sandboxes.engine import EngineError
from runners.spec import IMAGE

FOLDER = "own-images"  # below the environments' root
_TRIAL = "import sys; print(sys.version.split()[0])"
_REACHES_OUT = ("LD_PRELOAD=", "LD_AUDIT=")  # into hooks of a runtime, which run on the host (CVE-2025-23266)

Say = Callable[[str], None]


def admit(identity: str, root: Path, host: str, say: Say) -> None:
    """Bring an image here unless it is there, look it over, let runs have it. Raises BuildError, EngineError."""
    if not IMAGE.fullmatch(identity):
        raise BuildError(
            f"{identity} does not name an image by digest: write <name>@sha256:<64 hexadecimal digits>, which "
            "`docker image inspect --format '{{.RepoDigests}}' NAME:TAG` tells. A tag may mean something else tomorrow."
        )
    engine = ImageEngine(host)
    image = present(engine, identity)
    if image is None:
        _pull(engine, identity, say)
        image = present(engine, identity)
    if image is None:
        raise BuildError(f"{identity} was fetched, and is not at the daemon.")
    if reason := fault(image):
        raise BuildError(f"{identity} cannot be used: {reason}.")
    version = _try(engine, identity, image)
    path = _record(root, identity)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"image": identity, "id": image["Id"], "admitted_at": int(time.time())}) + "\n"
    )
    say(f"{identity} is admitted: Python {version}")


def admitted(root: Path, host: str) -> list[str]:
    """Identities of the admitted images that are at the daemon now. Raises EngineError."""
    engine = ImageEngine(host)
    found = []
    for path in sorted((root / FOLDER).glob("*.json")):
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
            identity, image_id = str(known["image"]), str(known["id"])
        except (OSError, ValueError, KeyError):
            continue
        image = present(engine, identity)
        if image is not None and image["Id"] == image_id:
            found.append(identity)
    return found


def find_own(identity: str, root: Path, host: str) -> str:
    """The id of an admitted image. Raises LookupError when it is not admitted or not there, EngineError."""
    if identity not in admitted(root, host):
        raise LookupError(f"the image {identity} is not admitted on this host")
    return str((present(ImageEngine(host), identity) or {})["Id"])


def present(engine: ImageEngine, identity: str) -> dict[str, Any] | None:
    """What the daemon knows of the image, or None: by its registry's digest, else by its own id."""
    found = IMAGE.fullmatch(identity)
    if found is None:
        return None
    image = engine.image(identity)
    if image is not None:
        return image
    name, digest = found["name"], f"sha256:{found['digest']}"
    image = engine.image(digest)
    tags = (image or {}).get("RepoTags") or ()
    return image if any(tag.rpartition(":")[0] == name for tag in tags) else None


def fault(image: dict[str, Any]) -> str:
    """Why no stranger's code should run in an image; empty if it may."""
    configuration = image.get("Config") or {}
    if volumes := configuration.get("Volumes"):
        return f"its VOLUME {', '.join(sorted(volumes))} would be a place to write to that no limit knows"
    for line in configuration.get("Env") or ():
        if line.startswith(_REACHES_OUT):
            return f"it sets {line.partition('=')[0]}, which reaches programs outside the sandbox"
    return ""


def _pull(engine: ImageEngine, identity: str, say: Say) -> None:
    say(f"fetching {identity}")
    reason = ""
    try:
        for told in engine.pull(identity):
            reason = str(told.get("error", reason))
            if told.get("status", "").startswith(("Pull complete", "Digest", "Status")):
                say(f"  {told.get('id', '')} {told['status']}".rstrip())
    except EngineError as error:
        if not error.status:
            raise
        reason = str(error)
    if reason:
        raise PackagesUnreachableError(
            f"{identity} cannot be fetched ({reason}): check name and network, or bring it yourself, by `docker pull` "
            "after `docker login` or by `docker load`, and say this again."
        )


def _try(engine: ImageEngine, identity: str, image: dict[str, Any]) -> str:
    name = f"podium-try-{uuid.uuid4().hex[:12]}"
    command = ["/bin/sh", "-c", 'exec python3 -I -c "$1"', "sh", _TRIAL]
    try:
        trial = engine.try_out(image["Id"], command, name)
    except EngineError as error:
        raise BuildError(f"{identity} cannot be used, a shell does not start in it: {error}") from error
    if trial.code != 0:
        raise BuildError(
            f"{identity} cannot be used, its python3 does not start: {trial.output.strip()[-300:]}"
        )
    return trial.output.strip()


def _record(root: Path, identity: str) -> Path:
    return root / FOLDER / f"{identity.rpartition(':')[2]}.json"
