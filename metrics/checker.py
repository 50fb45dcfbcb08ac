"""The checker: looks at a task as an organiser made it, in a sandbox with the labels, and lists all mistakes at once.

    python -I checker.pyz [INPUT_DIR [OUTPUT_DIR]]        (by default /input and /output)

Reads check.json (contests.publishing.check_plan), solution.csv, the public files in public/ and hidden ones, which
programs find in place of public files of their name, in hidden/; and writes
result.json: {"findings": […], "notes": […], "rows": {"public", "private", "ignored"}}. Nothing an organiser may have
written makes it fail: what cannot be read is a finding. Exit status 0: checked. 3: a fault of the checker.
"""

from __future__ import annotations

import hashlib
import json
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from metrics.check_findings import Findings
from metrics.check_public import TEST_FILE, Truth, check_public_file, check_test
from metrics.check_solution import SAMPLE_FILE, SOLUTION_FILE, check_sample, check_solution
from metrics.scoring_spec import ScoringSpec

CHECKED, FAULT = 0, 3
HIDDEN = "hidden/"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the answer is its exit status."""
    given = [*(sys.argv[1:] if arguments is None else arguments)]
    source = Path(given[0] if given else "/input")
    target = Path(given[1] if len(given) > 1 else "/output") / "result.json"
    try:
        text = json.dumps(check_files(source), allow_nan=False)
    except Exception as fault:  # noqa: BLE001  (a fault of ours, whatever it is, must not print what it read)
        print(f"The checker failed with {type(fault).__name__} at:", file=sys.stderr)  # noqa: T201
        traceback.print_tb(fault.__traceback__)
        return FAULT
    target.write_text(text)
    return CHECKED


def check_files(source: Path) -> dict[str, Any]:
    """The content of result.json for the task whose files lie in `source`."""
    plan = json.loads((source / "check.json").read_text(encoding="utf-8"))
    findings = Findings()
    solution_path, public = source / SOLUTION_FILE, source / "public"
    hidden = plan.get("hidden", [])
    copies = _copies(solution_path, [public / name for name in plan["files"]])
    for name in copies:
        findings.add("is_solution", file=name)
    if SAMPLE_FILE not in plan["files"] and plan["takes_predictions"]:
        findings.add("no_sample")
    try:
        spec = ScoringSpec.from_json(plan["scoring"])
    except (ValueError, TypeError) as error:
        findings.add("bad_settings", reason=str(error)[:300])
        return findings.as_json()
    places = {name: public / name for name in plan["files"]}
    places |= {f"{HIDDEN}{name}": source / HIDDEN / name for name in hidden}
    _check(spec, solution_path, places, findings, copies=copies)
    return findings.as_json()


def _check(
    spec: ScoringSpec, solution_path: Path, places: dict[str, Path], findings: Findings, *, copies: list[str]
) -> None:
    """Look at all files, by the names they have in findings. Of test rows and sample the hidden ones count."""
    solution, scoreable = check_solution(solution_path, spec, findings)
    sample, test = (_counted(name, places) for name in (SAMPLE_FILE, TEST_FILE))
    # Beside a public sample of hidden rows a public sample_submission.csv may have the ids of either.
    of_either = sample == SAMPLE_FILE and test == f"{HIDDEN}{TEST_FILE}"
    if sample is not None:
        check_sample(places[sample], spec, None if of_either else solution, findings, scoreable=scoreable)
    if solution is None:
        return
    truth = Truth(spec, solution)
    order = None
    if test is not None and test not in copies:
        order = check_test(places[test], truth, findings, name=test)
    for name, path in places.items():
        if (name != sample or of_either) and name not in copies:
            check_public_file(path, name, truth, order, findings)


def _counted(name: str, places: dict[str, Path]) -> str | None:
    """Under which name a file lies that programs find as `name` when it counts."""
    return next((found for found in (f"{HIDDEN}{name}", name) if found in places), None)


def _copies(solution: Path, public: list[Path]) -> list[str]:
    """The files that are the solution, byte by byte."""
    size = solution.stat().st_size
    alike = [path for path in public if path.stat().st_size == size]
    return [path.name for path in alike if _digest(path) == _digest(solution)]


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


if __name__ == "__main__":
    raise SystemExit(main())
