"""What environments there are, and which of them stand ready below a root directory."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import tomllib
from pathlib import Path

from runners.environments.markers import applies_here

IMAGES = Path(__file__).resolve().parents[1] / "images"
READY = "READY"
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_VERSION = re.compile(r"[0-9a-f]{12}")
_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)(?: ; ([^\\\n]*))?", re.MULTILINE)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One environment as it would be built now. `disk_mb` is the free space a build from nothing needs."""

    name: str
    version: str  # first 12 hex digits of the SHA-256 of what gets installed and what is withheld
    requirements_file: Path  # what gets installed: the lock, or requirements.txt where there is none
    title: str
    disk_mb: int
    preload: tuple[str, ...]  # modules that a warm sandbox has already imported
    withheld: tuple[str, ...] = ()  # glob patterns below site-packages: removed after installing

    @property
    def identifier(self) -> str:
        return f"{self.name}@{self.version}"

    def directory(self, root: Path) -> Path:
        return root / self.name / self.version

    def packages(self) -> list[tuple[str, str]]:
        """Name and version of everything the lock installs, in its order.

        What one build of torch brings beside it (CUDA libraries) is in no lock, so not in this list.
        """
        lines = _PINNED.findall(self.requirements_file.read_text(encoding="utf-8"))
        return [(name, version) for name, version, marker in lines if applies_here(marker)]


def definitions(images: Path = IMAGES) -> dict[str, Definition]:
    """Every environment below `images`, by name, in alphabetical order."""
    folders = sorted(path.parent for path in images.glob("*/requirements.txt"))
    return {folder.name: _read(folder) for folder in folders if _NAME.fullmatch(folder.name)}


def find(root: Path, identifier: str) -> Path:
    """The directory of environment `<name>@<version>`. Raises LookupError when it is not ready."""
    name, _, version = identifier.partition("@")
    directory = root / name / version
    well_formed = _NAME.fullmatch(name) and _VERSION.fullmatch(version)
    if not well_formed or not is_ready(directory):
        raise LookupError(f"environment {identifier} is not built here")
    return directory


def interpreter(directory: Path) -> Path:
    return directory / "bin" / "python"


def is_ready(directory: Path) -> bool:
    """Complete, and its interpreter still there: an upgrade of the system's Python can take that away."""
    return (directory / READY).is_file() and interpreter(directory).exists()


def ready(root: Path) -> list[str]:
    """Identifiers of the environments that can run a job now, older ones that tasks pin included."""
    found = (marker.parent for marker in root.glob(f"*/*/{READY}"))
    return sorted(
        f"{directory.parent.name}@{directory.name}"
        for directory in found
        if _NAME.fullmatch(directory.parent.name)
        and _VERSION.fullmatch(directory.name)
        and is_ready(directory)
    )


def _read(folder: Path) -> Definition:
    lock = folder / "requirements.lock"
    requirements = lock if lock.exists() else folder / "requirements.txt"
    settings = tomllib.loads((folder / "environment.toml").read_text(encoding="utf-8"))
    preload = folder / "preload.txt"
    withheld = tuple(map(str, settings.get("withheld", ())))
    content = requirements.read_bytes()
    if withheld:
        content += b"\0withheld\0" + "\n".join(withheld).encode()
    return Definition(
        name=folder.name,
        version=hashlib.sha256(content).hexdigest()[:12],
        requirements_file=requirements,
        title=str(settings["title"]),
        disk_mb=int(settings["disk_mb"]),
        preload=tuple(preload.read_text(encoding="utf-8").split()) if preload.exists() else (),
        withheld=withheld,
    )
