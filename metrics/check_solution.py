"""What a check looks for in the solution and in the sample submission."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from metrics.check_complaints import SMALLEST_PUBLIC
from metrics.check_findings import Findings
from metrics.check_findings import complaints as collected
from metrics.complaints import Complaints, Refused, shown
from metrics.csv_records import records
from metrics.prediction_file import check_header, read_predictions
from metrics.scorer import NEEDS_TWO_VALUES, expected, judge, split_mistakes
from metrics.scoring_spec import ALL, USAGE_COLUMN, ScoringSpec
from metrics.solution import IGNORED, PRIVATE, PUBLIC, Solution, examine

SOLUTION_FILE = "solution.csv"
SAMPLE_FILE = "sample_submission.csv"
MAX_CLASSES_NOTED = 5
# A sample with so many rows of other than its usual value, and this part of them right, is no guess.
FEWEST_TELLING = 10
TELLING = 0.95


def check_solution(path: Path, spec: ScoringSpec, findings: Findings) -> tuple[Solution | None, bool]:
    """The solution as far as it can be read, and whether predictions can be scored with it."""
    solution, complaints = examine(path, spec, collected())
    findings.take(SOLUTION_FILE, complaints)
    if solution is None or complaints.count:
        if solution is not None and spec.public_share is None and solution.perhaps_public:
            _check_public(solution.perhaps_public, findings)  # few, even if all in doubt were public
        return solution, False
    for usage in (PUBLIC, PRIVATE, IGNORED):
        findings.rows[usage.lower()] = solution.rows(usage)
    mistakes = split_mistakes(spec, solution)
    for mistake in mistakes:
        findings.add(mistake.code, **mistake.params, file=SOLUTION_FILE)
    _check_sizes(spec, findings)
    if spec.definition.needs != "numbers" and spec.metric not in NEEDS_TWO_VALUES:
        _check_classes(spec, solution, findings)
    if spec.public_share is not None and _has_usage(path):
        findings.note("usage_unused", file=SOLUTION_FILE)
    return solution, not mistakes


def _check_sizes(spec: ScoringSpec, findings: Findings) -> None:
    public, private = findings.rows["public"], findings.rows["private"]
    _check_public(public, findings)
    if private:
        return
    if spec.public_share is not None and spec.public_share < ALL:
        findings.add("split_empty", share=spec.public_share, usage=PRIVATE, file=SOLUTION_FILE)
    else:
        findings.note("no_private_rows", file=SOLUTION_FILE)


def _check_public(count: int, findings: Findings) -> None:
    if count < SMALLEST_PUBLIC:
        findings.add("few_public_rows", count=count, least=SMALLEST_PUBLIC, file=SOLUTION_FILE)


def _check_classes(spec: ScoringSpec, solution: Solution, findings: Findings) -> None:
    column = ", ".join(spec.target_columns)
    classes = {
        usage: set(zip(*solution.part(solution.columns, usage), strict=True)) for usage in (PUBLIC, PRIVATE)
    }
    for usage, found in classes.items():
        if len(found) == 1:
            findings.add("one_class_in_split", usage=usage, column=shown(column), file=SOLUTION_FILE)
    for values in sorted(classes[PRIVATE] - classes[PUBLIC])[:MAX_CLASSES_NOTED]:
        label = _label(solution, values)
        findings.note("class_not_public", label=shown(label), column=shown(column), file=SOLUTION_FILE)


def _label(solution: Solution, values: Sequence[float]) -> str:
    if solution.classes is not None:
        return solution.classes.names[int(values[0])]
    return ", ".join(f"{value:g}" for value in values)


def _has_usage(path: Path) -> bool:
    with path.open("rb") as stream:
        return USAGE_COLUMN in next(records(stream))[1]


def check_sample(
    path: Path, spec: ScoringSpec, solution: Solution | None, findings: Findings, *, scoreable: bool
) -> None:
    """The sample must be a file that a contestant could hand in, and tell nothing."""
    with path.open("rb") as stream:
        if solution is None:
            findings.take(SAMPLE_FILE, _header_complaints(stream, spec))
            return
        reading = read_predictions(stream, expected(spec, solution), collected())
    findings.take(SAMPLE_FILE, reading.complaints)
    if reading.complaints.count or not scoreable:
        return
    for name, said, true in zip(spec.target_columns, reading.columns, solution.columns, strict=True):
        pairs = Counter(
            (a, b) for a, b, usage in zip(said, true, solution.usage, strict=True) if usage != IGNORED
        )
        if _tells(pairs):
            findings.add("sample_gives_away", column=name, file=SAMPLE_FILE)
    result = judge(spec, solution, path)
    if not result["ok"]:
        for error in result["errors"]:
            findings.add(error["code"], **error["params"], file=SAMPLE_FILE)


def _tells(pairs: Counter[tuple[float, float]]) -> bool:
    """Whether a sample's values are the true ones, but for a few.

    Rows with its most frequent value do not count: where nearly all are of one class, any guess is nearly right.
    """
    values: Counter[float] = Counter()
    for (said, _true), count in pairs.items():
        values[said] += count
    if len(values) < 2:  # noqa: PLR2004 - the same in every row
        return False
    usual = values.most_common(1)[0][0]
    others = sum(count for (said, _true), count in pairs.items() if said != usual)
    right = sum(count for (said, true), count in pairs.items() if said != usual and said == true)
    if all(said == true for said, true in pairs):
        return True
    return others >= FEWEST_TELLING and right >= TELLING * others


def _header_complaints(stream: BinaryIO, spec: ScoringSpec) -> Complaints:
    """Without a readable solution only the columns of the sample can be looked at."""
    complaints = collected()
    try:
        _, header = next(records(stream))
    except Refused as refused:
        complaints.stop(refused.code, **refused.params)
    else:
        check_header(header, (spec.id_column, *spec.target_columns), complaints)
    return complaints
