"""Checks small tasks as the checker program does: real files in, the content of result.json out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from metrics.checker import check_files

ROWS = 40


def x_of(row: int) -> float:
    return (row * 7 % ROWS) / ROWS


def label_of(row: int) -> int:
    return int(x_of(row) > 0.5)


def lines(header: str, rows: Sequence[str]) -> str:
    return "\n".join([header, *rows]) + "\n"


SOLUTION = lines(
    "id,target,Usage",
    [f"t{row},{label_of(row)},{'Public' if row % 2 else 'Private'}" for row in range(ROWS)],
)
UNDIVIDED = lines("id,target", [f"t{row},{label_of(row)}" for row in range(ROWS)])
SAMPLE = lines("id,target", [f"t{row},0" for row in range(ROWS)])
TEST = lines("id,x", [f"t{row},{x_of(row)}" for row in range(ROWS)])
TRAIN = lines("id,x,target", [f"a{row},{x_of(row)},{label_of(row)}" for row in range(ROWS)])
FILES: dict[str, str | bytes] = {"train.csv": TRAIN, "test.csv": TEST, "sample_submission.csv": SAMPLE}


def write_task(
    folder: Path,
    *,
    solution: str | bytes = SOLUTION,
    files: Mapping[str, str | bytes] = FILES,
    takes_predictions: bool = True,
    **scoring: Any,
) -> Path:
    (folder / "public").mkdir()
    settings = {"metric": "accuracy", "params": {}, "id_column": "id", "target_columns": ["target"]}
    plan = {"scoring": settings | scoring, "files": sorted(files), "takes_predictions": takes_predictions}
    (folder / "check.json").write_text(json.dumps(plan), encoding="utf-8")
    (folder / "solution.csv").write_bytes(_bytes(solution))
    for name, content in files.items():
        (folder / "public" / name).write_bytes(_bytes(content))
    return folder


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def checked(folder: Path, **task: Any) -> dict[str, Any]:
    return check_files(write_task(folder, **task))


def found(folder: Path, **task: Any) -> list[tuple[str, str]]:
    """(file, code) of each finding."""
    result = checked(folder, **task)
    assert all(item["message"] for item in result["findings"])
    return [(item["params"].get("file", ""), item["code"]) for item in result["findings"]]


def with_file(name: str, content: str | bytes) -> dict[str, str | bytes]:
    return {**FILES, name: content}
