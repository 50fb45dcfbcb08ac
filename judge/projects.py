"""Projects: what a zip of train.py and predict.py must be, seen from its table of contents alone.

Nothing of an upload is unpacked here; the runner does that, into the directory of one run. The two programs lie at the
top of the archive or in its one top folder, as whoever zips a folder makes it; what macOS adds beside it is no folder.
"""

from __future__ import annotations

import functools
import threading
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from contests import blobs
from contests.models import Blob
from metrics.csv_records import KNOWN_KINDS
from runners import archives
from runners.archives import BadArchive, Fault

TRAIN, PREDICT = "train.py", "predict.py"
MAX_FILES = 2000
MAX_UNPACKED = 1 << 30
_SHOWN = 80  # characters of a member's name
_ONE_AT_A_TIME = threading.Lock()  # a table of contents takes some twenty megabytes while it is looked at
_NOT_OURS = "__MACOSX/"
ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar")


class NotAProject(Exception):
    """Why an archive is refused, in a sentence that says what to do."""


def check(file: UploadedFile[Any]) -> None:
    """Raises NotAProject."""
    try:
        with _ONE_AT_A_TIME:
            names = archives.look(file, max_bytes=MAX_UNPACKED, max_files=MAX_FILES)  # type: ignore[arg-type]
    except BadArchive as refused:
        file.seek(0)
        raise NotAProject(_sentence(refused, file.read(16))) from refused
    finally:
        file.seek(0)
    root = _root(names)
    missing = [name for name in (TRAIN, PREDICT) if f"{root}{name}" not in names]
    if missing:
        raise NotAProject(
            _(
                "The archive has no %(names)s at its top. A project is a zip of train.py and predict.py, "
                "with whatever files they need beside them."
            )
            % {"names": ", ".join(missing)}
        )


def _root(names: list[str]) -> str:
    """Where the programs lie: at the top (""), or in the one top folder that holds all, named with its slash."""
    ours = [name for name in names if not name.startswith(_NOT_OURS)]
    tops = {name.partition("/")[0] for name in ours}
    at_top = any("/" not in name for name in ours)
    return "" if at_top or len(tops) != 1 else f"{tops.pop()}/"


@functools.lru_cache(maxsize=32)
def _names(sha256: str) -> tuple[str, ...]:
    with blobs.seekable(sha256) as file:
        return tuple(archives.look(file, max_bytes=MAX_UNPACKED, max_files=MAX_FILES))


def root(blob: Blob) -> str:
    """Where in an accepted project its programs lie: "" or a folder with its slash."""
    return _root(list(_names(blob.sha256)))


def names(blob: Blob) -> frozenset[str]:
    return frozenset(_names(blob.sha256))


def lines(blob: Blob, name: str, limit: int) -> int:
    """How many lines a file of the project has, as far as its first `limit` bytes tell."""
    with blobs.seekable(blob.sha256) as file:
        return archives.member(file, name, limit).count(b"\n") + 1


def _sentence(refused: BadArchive, head: bytes) -> str:
    if refused.fault is Fault.NOT_A_ZIP:
        for magic, kind in KNOWN_KINDS:
            if head.startswith(magic) and not head.startswith(b"PK"):
                return _("This is not a zip: its format seems to be %(kind)s. %(advice)s") % {
                    "kind": kind,
                    "advice": pack_it(),
                }
        return _("This is not a zip, or it is damaged. %(advice)s") % {"advice": pack_it()}
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in refused.member)[:_SHOWN]
    # What is looked at here was written by a contestant: shown as it is, escaped by the page.
    values = {"name": shown, "files": MAX_FILES, "mb": MAX_UNPACKED >> 20}
    return str(_sentences()[refused.fault] % values)


def pack_it() -> str:
    return _("Pack train.py and predict.py into a .zip and hand that in.")


def _sentences() -> dict[Fault, str]:
    return {
        Fault.TOO_MANY: _(
            "The archive has more than %(files)s files and folders. Leave out what is not needed."
        ),
        Fault.TOO_LARGE: _("Unpacked, the archive is larger than %(mb)s MB, from “%(name)s” on."),
        Fault.BOMB: _("The archive would grow out of all proportion when it is unpacked: “%(name)s”."),
        Fault.ENCRYPTED: _("“%(name)s” is encrypted. Pack the project without a password."),
        Fault.METHOD: _("“%(name)s” is compressed in a way that not every zip has. Pack it with Deflate."),
        Fault.LINK: _("“%(name)s” is a link or no ordinary file. Put the file itself into the archive."),
        Fault.NAME: _(
            "“%(name)s” cannot be the name of a file in a project: no “..”, no leading slash, no backslash, no "
            "control characters, at most 200 bytes."
        ),
        Fault.TOO_DEEP: _("“%(name)s” lies too deep: at most 20 folders within each other."),
        Fault.DUPLICATE: _("“%(name)s” stands in the archive twice, perhaps with other capitals."),
        Fault.DAMAGED: _("“%(name)s” is damaged. Pack the project again."),
    }
