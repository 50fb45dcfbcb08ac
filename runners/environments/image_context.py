"""What is sent to Docker to build an environment's image from: a tar archive, made while it is sent.

Two kinds. `to_install` holds what an installation inside the image needs: this package, the environment's
definition, uv, wheels. `to_copy` holds the environment as it was built for nsjail on this host. A copy is right
only where nothing in it can tell the two interpreters apart: the same kind of CPython (its ABI tag decides which
compiled modules it takes, its magic number which .pyc files), the same machine, a C library at least as new, and no
package that was compiled on this host. `why_not_copy` looks for all of that and says what it found.
"""

from __future__ import annotations

import io
import json
import os
import posixpath
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from runners.environments import catalogue
from runners.environments.catalogue import Definition
from runners.environments.failures import BuildError
from runners.environments.packages import UvFailedError, uv_environment, uv_program

# Printed by an interpreter about itself, the host's and the image's.
DESCRIBE = """
import json, os, platform, sys, sysconfig
print(json.dumps({
    "executable": os.path.realpath(sys.executable),
    "version": platform.python_version(),
    "kind": [sys.implementation.cache_tag, sysconfig.get_config_var("SOABI"), platform.machine()],
    "libc": [int(part) for part in platform.libc_ver()[1].split(".")[:2] if part.isdigit()],
}))
"""
_PACKAGE = Path(__file__).resolve().parent
_OLDEST = (3, 11)
_PIECE = 1 << 20


class Interpreter:
    """What DESCRIBE printed."""

    def __init__(self, text: str) -> None:
        """Raises ValueError for anything else."""
        told = json.loads(text.strip().splitlines()[-1] if text.strip() else "")
        self.executable = str(told["executable"])
        self.version = str(told["version"])
        self.kind = tuple(map(str, told["kind"]))
        self.libc = tuple(map(int, told["libc"]))

    @property
    def too_old(self) -> bool:
        return tuple(map(int, self.version.split(".")[:2])) < _OLDEST


def why_not_copy(venv: Path, image: Interpreter) -> str:
    """Why the venv cannot serve an image with this interpreter; empty if it can."""
    command = [str(catalogue.interpreter(venv)), "-I", "-c", DESCRIBE]
    try:
        host = Interpreter(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    except (OSError, ValueError, KeyError, subprocess.CalledProcessError):
        return "its interpreter does not start"
    if host.kind != image.kind:
        return f"it is for {' '.join(host.kind)}, and the image has {' '.join(image.kind)}"
    if image.libc < host.libc:
        return "the image's C library is older than this host's"
    for wheel in sorted(venv.glob("lib/python3*/site-packages/*.dist-info/WHEEL")):
        if "-linux_" in wheel.read_text(encoding="utf-8", errors="replace"):
            return f"{wheel.parent.name.split('-')[0]} was compiled for this host alone"
    return ""


def to_copy(venv: Path, image: Interpreter) -> Iterator[bytes]:
    """The venv as `env/`, resting on the image's interpreter, and the Dockerfile that copies it."""
    configuration = f"home = {posixpath.dirname(image.executable)}\n"
    configuration += "implementation = CPython\ninclude-system-site-packages = false\n"
    configuration += f"version_info = {image.version}\nrelocatable = true\n"

    def fill(archive: _Archive) -> None:
        archive.text("Dockerfile", _dockerfile("Dockerfile.copy"))
        archive.text("env/pyvenv.cfg", configuration)
        for path in sorted(venv.rglob("*")):
            name = path.relative_to(venv).as_posix()
            if name not in {"pyvenv.cfg", catalogue.READY, "bin/python"}:
                archive.add(path, f"env/{name}")
        archive.link("env/bin/python", image.executable)

    return _streamed(fill)


def to_install(
    definition: Definition, wheels: Path | None = None, told: Mapping[str, str] | None = None
) -> Iterator[bytes]:
    """All that the installation inside needs. `told`: the operator's environment, of which uv's settings count."""
    settings, folders, certificate = _settings(dict(os.environ if told is None else told))  # noqa: TID251
    images = definition.requirements_file.parent
    try:
        uv = Path(uv_program()).resolve()
    except UvFailedError as error:
        raise BuildError(str(error)) from error

    def fill(archive: _Archive) -> None:
        archive.text("Dockerfile", _dockerfile("Dockerfile"))
        archive.add(_PACKAGE / "inside.py", "inside.py")
        archive.text("settings.json", json.dumps(settings))
        archive.text("runners/__init__.py", "")
        for module in sorted(_PACKAGE.glob("*.py")):
            archive.add(module, f"runners/environments/{module.name}")
        for file in sorted(path for path in images.iterdir() if path.is_file()):
            archive.add(file, f"images/{images.name}/{file.name}")
        if certificate is not None:
            archive.add(certificate, "ca.pem")
        for folder in (*folders, *([wheels] if wheels else [])):
            for wheel in sorted(folder.glob("*.whl")):
                archive.add(wheel, f"wheels/{wheel.name}")
        archive.text("wheels/here", "")
        archive.add(uv, "bin/uv")

    return _streamed(fill)


def _settings(told: dict[str, str]) -> tuple[dict[str, str], list[Path], Path | None]:
    """The settings of uv as they are inside, the folders of wheels they name, and the certificate they name."""
    known = uv_environment(told)
    kept = {name: value for name, value in known.items() if name.startswith("UV_") and name != "UV_CACHE_DIR"}
    folders, elsewhere = [], []
    for place in filter(None, kept.pop("UV_FIND_LINKS", "").split(",")):
        local = place.removeprefix("file://")
        folders.append(Path(local)) if local.startswith("/") else elsewhere.append(place)
    kept["UV_FIND_LINKS"] = ",".join(["/podium/wheels", *elsewhere])
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX"):
        if name in kept and urlsplit(kept[name]).scheme == "file":
            del kept[name]  # a folder of this host: give it with --wheels
    named = known.get("SSL_CERT_FILE", "")
    certificate = Path(named) if named and Path(named).is_file() else None
    if certificate is not None:
        kept["SSL_CERT_FILE"] = "/podium/ca.pem"
    return kept, [folder for folder in folders if folder.is_dir()], certificate


def _dockerfile(name: str) -> str:
    return (catalogue.IMAGES / name).read_text(encoding="utf-8")


def _streamed(fill: Callable[[_Archive], None]) -> Iterator[bytes]:
    """The archive that `fill` fills, in pieces: its thread waits while nobody takes them, so memory stays flat."""
    reading, writing = os.pipe()
    failed: list[Exception] = []

    def write() -> None:
        try:
            with os.fdopen(writing, "wb") as file, tarfile.open(fileobj=file, mode="w|") as tar:
                fill(_Archive(tar))
        except BrokenPipeError:  # the daemon wants no more of it, and says why
            pass
        except Exception as error:  # noqa: BLE001  raised where the archive is read
            failed.append(error)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    with os.fdopen(reading, "rb") as pieces:
        while piece := pieces.read(_PIECE):
            yield piece
    thread.join()
    if failed:
        raise failed[0]


class _Archive:
    """A tar archive in the making. Everything in it is root's, as it is in an image."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar

    def add(self, path: Path, name: str) -> None:
        entry = self._tar.gettarinfo(str(path), name)
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        entry.mtime = int(entry.mtime)  # what a .pyc remembers of its source
        if entry.islnk():  # uv links files to its cache: whole each time
            entry.type, entry.linkname, entry.size = tarfile.REGTYPE, "", path.stat().st_size
        if not entry.isreg():
            self._tar.addfile(entry)
            return
        with path.open("rb") as file:
            self._tar.addfile(entry, file)

    def text(self, name: str, content: str) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(content.encode()), 0o644
        self._tar.addfile(entry, io.BytesIO(content.encode()))

    def link(self, name: str, target: str) -> None:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, target, 0o777
        self._tar.addfile(entry)
