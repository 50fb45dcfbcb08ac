"""The definition of an environment that is built from a wheel made here: no package index is needed."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path

import pytest

# Importing it lasts as long as the file named by HOLD exists.
_MODULE = """
import os, time
VALUE = 42
def command():
    print(VALUE)
while os.path.exists(os.environ.get("HOLD", "/nonexistent")):
    time.sleep(0.01)
"""


def wheel(folder: Path, name: str = "speck", needs: str = "") -> str:
    """A wheel of one module, one that nobody imports, and one command; returns its SHA-256."""
    info = f"{name}-1.0.dist-info"
    requires = f"Requires-Dist: {needs}\n" if needs else ""
    files = {
        f"{name}.py": _MODULE,
        f"{name}_more.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name}-command = {name}:command\n",
    }
    record = ""
    for file, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{file},sha256={digest},{len(text.encode())}\n"
    files[f"{info}/RECORD"] = record + f"{info}/RECORD,,\n"
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The definition of one environment, `tiny`, whose only package lies on this disk."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    folder = tmp_path / "images" / "tiny"
    folder.mkdir(parents=True)
    (folder / "requirements.txt").write_text("speck  # all it needs\n")
    (folder / "requirements.lock").write_text(f"speck==1.0 \\\n    --hash=sha256:{wheel(wheels)}\n")
    (folder / "environment.toml").write_text('title = "Tiny"\ndisk_mb = 1\n')
    (folder / "preload.txt").write_text("speck\n")
    for name in ("UV_INDEX", "UV_DEFAULT_INDEX", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_FIND_LINKS", str(wheels))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    return folder.parent


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "environments"
