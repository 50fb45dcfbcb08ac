"""The scorer: a program that judges one prediction file against a solution, in a sandbox with the labels.

    python -I scorer.pyz [INPUT_DIR [OUTPUT_DIR]]        (by default /input and /output)

Reads scoring.json, solution.csv and predictions.csv, writes result.json. Exit status 0: judged, also when the
file is refused. 2: the solution or the settings cannot be used (their mistakes are listed on standard error,
for organisers only). 3: a fault of the scorer. It runs no contestant code: predictions are read as plain CSV,
never as objects.

Every id of the solution is asked for. Rows with Usage Public make the public score, Private the private
score, Ignored none. Where no row is Private the private score is the public one. Feedback is made of public
rows alone.
"""

from __future__ import annotations

import array
import json
import math
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

from metrics.complaints import BadSetup, Complaint, Complaints
from metrics.feedback import feedback
from metrics.prediction_file import Expected, read_predictions
from metrics.scoring_spec import ScoringSpec
from metrics.solution import PRIVATE, PUBLIC, Solution, read_solution

JUDGED, BAD_SETUP, FAULT = 0, 2, 3

Parts: TypeAlias = "list[array.array[float]]"  # quoted: subscriptable from Python 3.12 on only


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the answer is its exit status."""
    given = [*(sys.argv[1:] if arguments is None else arguments)]
    source = Path(given[0] if given else "/input")
    target = Path(given[1] if len(given) > 1 else "/output") / "result.json"
    try:
        result = judge_files(source)
        text = json.dumps(result, allow_nan=False)
    except BadSetup as bad:
        print(f"The solution or the scoring settings cannot be used:\n{bad}", file=sys.stderr)  # noqa: T201
        return BAD_SETUP
    except Exception as fault:  # noqa: BLE001  (a fault of ours, whatever it is, must not print what it read)
        print(f"The scorer failed with {type(fault).__name__} at:", file=sys.stderr)  # noqa: T201
        traceback.print_tb(fault.__traceback__)
        return FAULT
    target.write_text(text)
    return JUDGED


def judge_files(source: Path) -> dict[str, Any]:
    """The result of the three files in `source`. Raises BadSetup for the organiser's mistakes."""
    try:
        spec = ScoringSpec.from_json(json.loads((source / "scoring.json").read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise BadSetup(text=f"scoring.json: {error}") from None
    return judge(spec, read_solution(source / "solution.csv", spec), source / "predictions.csv")


def judge(spec: ScoringSpec, solution: Solution, predictions: Path) -> dict[str, Any]:
    """The content of result.json for a prediction file. Raises BadSetup when a split cannot be scored."""
    if spec.row_limit is not None and spec.row_limit < len(solution.positions):
        raise BadSetup(text=f"scoring.json: row_limit {spec.row_limit} is less than the solution's rows")
    if found := split_mistakes(spec, solution):
        raise BadSetup(found)
    with predictions.open("rb") as stream:
        reading = read_predictions(stream, expected(spec, solution))
    if reading.complaints.count:
        return {"ok": False} | reading.complaints.as_json()
    scores, rows = {}, {}
    for usage in (PUBLIC, PRIVATE):
        rows[usage] = solution.rows(usage)
        if rows[usage]:
            scores[usage] = _score(spec, solution, reading.columns, usage)
    scores.setdefault(PRIVATE, scores[PUBLIC])
    if not all(math.isfinite(score) for score in scores.values()):
        complaints = Complaints()
        complaints.add("score_not_finite")
        return {"ok": False} | complaints.as_json()
    return {
        "ok": True,
        "public": scores[PUBLIC],
        "private": scores[PRIVATE],
        "rows": {"public": rows[PUBLIC], "private": rows[PRIVATE]},
        "feedback": feedback(
            spec,
            solution.classes.names if solution.classes else [],
            solution.part(solution.columns, PUBLIC),
            solution.part(reading.columns, PUBLIC),
        ),
    }


def expected(spec: ScoringSpec, solution: Solution) -> Expected:
    """What a prediction file must hold."""
    return Expected(
        id_column=spec.id_column,
        target_columns=spec.target_columns,
        positions=solution.positions,
        cell=solution.cell,
        row_limit=spec.row_limit,
        some_positive=spec.definition.within_0_1 and len(spec.target_columns) > 1,
    )


def _score(spec: ScoringSpec, solution: Solution, columns: Parts, usage: str) -> float:
    truth, predicted = solution.part(solution.columns, usage), solution.part(columns, usage)
    params: dict[str, Any] = dict(spec.definition.complete(spec.params))
    if solution.classes and "pos_label" in params:
        params["pos_label"] = solution.classes.code(params["pos_label"])
    return float(spec.definition.function(truth, predicted, params))


def split_mistakes(spec: ScoringSpec, solution: Solution) -> list[Complaint]:
    """Where the true values of a split leave the metric undefined, whatever is predicted."""
    found: list[Complaint] = []
    for usage in (PUBLIC, PRIVATE):
        if solution.rows(usage) == 0:
            continue
        parts = solution.part(solution.columns, usage)
        if spec.metric in NEEDS_TWO_VALUES:
            found += [
                Complaint(NEEDS_TWO_VALUES[spec.metric], {"usage": usage, "column": name})
                for name, part in zip(spec.target_columns, parts, strict=True)
                if min(part) == max(part)
            ]
        params = spec.definition.complete(spec.params)
        if solution.classes and params.get("average") == "binary":
            positive = params["pos_label"].strip()
            if positive not in {solution.classes.names[int(code)] for code in set(parts[0])}:
                found.append(Complaint("positive_class_absent", {"usage": usage}))
    return found


NEEDS_TWO_VALUES = {"roc_auc": "one_class_only", "r2": "no_variance"}


if __name__ == "__main__":
    raise SystemExit(main())
