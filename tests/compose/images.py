"""Everything that compose.yaml needs of the internet, made from this machine's registries: for a daemon without any.

Base image and environments come from the tests' other daemon; PostgreSQL and Redis from Debian's packages; the site's
wheels by pip. All of it is kept in var/compose/, so that a second test run takes seconds.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from runners.environments import definitions
from runners.environments.image_engine import ImageEngine
from runners.environments.images import reference
from runners.sandboxes.engine import EngineError
from tests import docker
from tests.docker import BASE_IMAGE, IMAGES, ROOT

FOLDER = ROOT / "var" / "compose"
CHECKOUT = FOLDER / "checkout"
LOCK = ROOT / "requirements" / "app.lock"
HERE = Path(__file__).resolve().parent
POSTGRES, REDIS, SITE = "podium-tests/postgres", "podium-tests/redis", "podium-tests/site"
LEFT_OUT = ("tests/", "benchmarks/", "docs/images/")
# Whatever is not in the base image yet; apt itself finds what else they need.
DEBIAN = {POSTGRES: "postgresql-15", REDIS: "redis-server"}


def prepare(host: str) -> None:
    """Have the base image, those of the environments, PostgreSQL and Redis at the daemon, and CHECKOUT on disk."""
    _bring(host, [BASE_IMAGE, *(reference(definitions()[name].identifier) for name in IMAGES)])
    for name, package in DEBIAN.items():
        if not _has(host, name):
            _from_debian(host, name, package)
    _check_out()


def _docker(host: str, *words: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = ["docker", "--host", host, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment(), **options)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    found: subprocess.CompletedProcess[str] = done
    return found


def environment() -> dict[str, str]:
    """What programs of Docker are told: the classic builder, which needs no plugin."""
    told = {name: text for name, text in os.environ.items() if not name.startswith(("PODIUM_", "DOCKER_"))}  # noqa: TID251
    return told | {"DOCKER_BUILDKIT": "0", "COMPOSE_DOCKER_CLI_BUILD": "0"}


def _has(host: str, name: str) -> bool:
    try:
        return ImageEngine(host).image(name) is not None
    except EngineError:
        return False


def _bring(host: str, names: list[str]) -> None:
    missing = [name for name in names if not _has(host, name)]
    if not missing:
        return
    with docker.daemon() as other:
        docker.prepare(other)
        saving = subprocess.Popen(["docker", "--host", other, "save", *missing], stdout=subprocess.PIPE)
        _docker(host, "load", "--quiet", stdin=saving.stdout)
        assert saving.wait() == 0


def _from_debian(host: str, name: str, package: str) -> None:
    context = FOLDER / name.rpartition("/")[2]
    shutil.rmtree(context, ignore_errors=True)
    debs = context / "debs"
    (debs / "partial").mkdir(parents=True)
    known = context / "status"  # what the base image has, so that the rest is all there is to fetch
    known.write_text(
        _docker(host, "run", "--rm", "--network=none", BASE_IMAGE, "cat", "/var/lib/dpkg/status").stdout
    )
    command = ["apt-get", "-qq", "--yes", "--no-install-recommends", "--download-only"]
    command += [
        "-o",
        f"Dir::State::status={known}",
        "-o",
        f"Dir::Cache::archives={debs}",
        "-o",
        "Debug::NoLocking=1",
    ]
    fetched = subprocess.run([*command, "install", package], capture_output=True, text=True, check=False)
    assert fetched.returncode == 0, fetched.stderr
    (debs / "partial").rmdir()
    for file in ("Dockerfile.postgres", "Dockerfile.redis", "postgres.sh"):
        shutil.copy(HERE / file, context)
    _docker(
        host,
        "build",
        "--quiet",
        "--tag",
        name,
        "--file",
        f"{context}/Dockerfile.{context.name}",
        str(context),
    )


def _check_out() -> None:
    """The checkout as it is now, with wheels of all that its lock names."""
    wheels = FOLDER / "wheels"
    wanted = _wheels_of(LOCK, wheels)
    if len(wanted) < len(_pins(LOCK)):
        _fetch(wheels)
        wanted = _wheels_of(LOCK, wheels)
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    kept = CHECKOUT / "secrets"
    for old in CHECKOUT.glob("*"):
        if old != kept:
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    for name in listed.stdout.splitlines():
        if not name.startswith(LEFT_OUT) and (ROOT / name).is_file():
            (CHECKOUT / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, CHECKOUT / name)
    shutil.copy2(LOCK, CHECKOUT / "requirements" / "app.lock")
    for wheel in wanted:
        shutil.copy2(wheel, CHECKOUT / "deploy" / "docker" / "wheels")


def _fetch(wheels: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--require-hashes", "--only-binary=:all:", "--requirement", str(LOCK), "--dest", str(wheels)]
    fetched = subprocess.run(command, capture_output=True, text=True, check=False)
    assert fetched.returncode == 0, fetched.stderr[-2000:]


def _pins(lock: Path) -> set[tuple[str, str]]:
    named = dict(re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", lock.read_text(), re.MULTILINE))
    return {(_plain(name), version) for name, version in named.items()}


def _wheels_of(lock: Path, wheels: Path) -> list[Path]:
    """Those that the lock names: the folder may hold older ones, too."""
    pins = _pins(lock)
    return [
        path
        for path in wheels.glob("*.whl")
        if (_plain(path.name.split("-")[0]), path.name.split("-")[1]) in pins
    ]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()
