"""The bytes that a case hands in: a file, a folder as a zip, or what its generator prints, as it prints it."""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from operations.corpus.canaries import Canaries
from operations.corpus.case import Case

GENERATED_WITHIN_S = 60.0
PIECE = 1 << 18
KEPT = 64 << 20  # of what a generator prints
TOKENS = "CORPUS_TOKENS"  # told to generators, so that a case can leak on purpose and prove the search


class GeneratorFailed(Exception):
    """A case's generator did not print an upload; the text says which and how it ended."""


@dataclasses.dataclass(frozen=True, slots=True)
class Upload:
    """A file to hand in: its name, how long it is, and its bytes, once."""

    name: str
    size: int
    pieces: Iterator[bytes]


def of(case: Case, canaries: Canaries) -> Upload:
    """The case's upload. Raises GeneratorFailed, also while it is read.

    An upload has to say its length beforehand. A generator's output that is too long to be kept is counted and made
    again while it is sent: such a generator must print the same each time.
    """
    if case.generate is not None:
        return _generated(case.filename, case.generate, canaries)
    assert case.entry is not None  # noqa: S101 - for the type checker: a case has one of them
    if case.entry.is_dir():
        return whole(case.filename, _zipped(case.entry))
    return Upload(case.filename, case.entry.stat().st_size, _read(case.entry))


def whole(name: str, content: bytes) -> Upload:
    return Upload(name, len(content), iter([content]))


def form(upload: Upload) -> tuple[dict[str, str], Iterator[bytes]]:
    """A form with the file, written while it is sent: (headers, body). httpx would read the whole file first."""
    boundary = secrets.token_hex(16)
    # As browsers write it: what would end the quoted name is escaped.
    quoted = upload.name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{quoted}"\r\n'.encode()
    head += b"Content-Type: application/octet-stream\r\n\r\n"
    tail = f"\r\n--{boundary}--\r\n".encode()
    headers = {
        "Content-Type": f"multipart/form-data; boundary={boundary}",
        "Content-Length": str(len(head) + upload.size + len(tail)),
    }
    return headers, itertools.chain([head], upload.pieces, [tail])


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def _zipped(folder: Path) -> bytes:
    """The folder's tree; the same bytes whenever it is the same tree."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                info = zipfile.ZipInfo(path.relative_to(folder).as_posix())
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = 0o100644 << 16
                archive.writestr(info, path.read_bytes())
    return target.getvalue()


def _generated(name: str, program: Path, canaries: Canaries) -> Upload:
    kept: list[bytes] = []
    size = 0
    for piece in _output(program, canaries):
        size += len(piece)
        if size <= KEPT:
            kept.append(piece)
        else:
            kept.clear()
    return Upload(name, size, iter(kept) if size <= KEPT else _output(program, canaries))


def _output(program: Path, canaries: Canaries) -> Iterator[bytes]:
    """What the program prints, while it prints it. Raises GeneratorFailed."""
    told = {"PATH": os.defpath, "LANG": "C.UTF-8", TOKENS: json.dumps(dict(canaries.tokens))}
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, "-I", str(program)],
            cwd=program.parent,
            env=told,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
        assert process.stdout is not None  # noqa: S101 - for the type checker: PIPE was asked for
        timer = threading.Timer(GENERATED_WITHIN_S, process.kill)
        timer.start()
        try:
            while piece := process.stdout.read(PIECE):
                yield piece
            if code := process.wait():
                raise GeneratorFailed(f"{program} {_why(code, errors)}")
        finally:  # whoever reads may have had enough
            timer.cancel()
            process.kill()
            process.stdout.close()
            process.wait()


def _why(code: int, errors: IO[bytes]) -> str:
    if code == -signal.SIGKILL:
        return f"did not end within {GENERATED_WITHIN_S:.0f} s"
    errors.seek(0)
    said = errors.read(1 << 16).decode(errors="replace").strip().splitlines()
    return f"ended with exit status {code}: {said[-1] if said else 'it said nothing'}"
