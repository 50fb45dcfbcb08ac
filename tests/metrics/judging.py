"""Judges small files as the scorer program does: real files in, the content of result.json out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from metrics.scorer import judge_files
from metrics.scoring_spec import ScoringSpec

DIGITS = "id,target,Usage\n001,7,Public\n002,1,Private\n003,4,Ignored\n004,7,Public\n005,1,Private\n"
GOOD = "id,target\n001,7\n002,1\n003,0\n004,1\n005,1\n"
LENGTHS = "id,target,Usage\na,1.5,Public\nb,-2,Private\nc,,Ignored\nd,3e2,Public\ne,0,Private\n"


def judged(
    folder: Path,
    predictions: str | bytes,
    *,
    solution: str | bytes = DIGITS,
    metric: str = "accuracy",
    targets: Sequence[str] = ("target",),
    params: dict[str, str] | None = None,
    row_limit: int | None = None,
) -> dict[str, Any]:
    spec = ScoringSpec(
        metric=metric, id_column="id", target_columns=tuple(targets), params=params or {}, row_limit=row_limit
    )
    (folder / "scoring.json").write_text(json.dumps(spec.as_json()), encoding="utf-8")
    for name, content in (("solution.csv", solution), ("predictions.csv", predictions)):
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return judge_files(folder)


def codes(result: dict[str, Any]) -> list[str]:
    assert result["ok"] is False, result
    return [error["code"] for error in result["errors"]]


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
