"""What a backup says of itself."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

NAME = "manifest.json"
FORMAT = 1


class CannotRestore(Exception):
    """Nothing was changed; the message says why and what to do."""


class BackupFailed(Exception):
    """There is no backup; the message says why and what to do."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    version: str
    made_at: str
    engine: str  # "sqlite" or "postgresql"
    database: str  # the name of its file
    database_sha256: str
    migrations: list[str]  # "app.name"
    counts: dict[str, int]  # rows by table
    blobs: int  # files in the backup, those among them that nothing names
    blob_bytes: int  # of those that the database names
    missing: list[str]  # digests that the database names and the store did not have
    format: int = FORMAT

    def as_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=1) + "\n"


def read(text: str) -> Manifest:
    """Raises CannotRestore for what is none, or one of a later Podium."""
    try:
        raw: dict[str, Any] = json.loads(text)
        known = int(raw["format"])
    except (ValueError, KeyError, TypeError) as error:
        raise CannotRestore("The backup's manifest cannot be read.") from error
    if known > FORMAT:
        raise CannotRestore(
            f"This backup was made by Podium {raw.get('version')}, which is newer: update this checkout first."
        )
    try:
        return Manifest(**raw)
    except TypeError as error:
        raise CannotRestore("The backup's manifest lacks something.") from error
