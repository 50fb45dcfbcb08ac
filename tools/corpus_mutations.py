"""`make mutations`: takes the guards away one at a time and asks whether the hostile corpus notices.

Each guard (tools/corpus_guards.py) is removed from a throwaway copy of the checkout, and the few cases that it is there
for are judged on that copy by its own `manage.py judge_corpus`. First all of them are judged on an unchanged copy,
where they must hold. Exit status 0 only if every guard's absence turned a case red; a change that stops the site itself
from working proves nothing and counts as not noticed.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.corpus_guards import ALWAYS, GUARDS, Guard
from tools.mutated_checkout import ROOT, copy, without

CORPUS = "tests/corpus"


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """`red`: what the corpus said, by case; `broken`: why nothing was judged."""

    red: dict[str, str]
    broken: str = ""


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    parser = argparse.ArgumentParser(description="Remove one guard at a time; the corpus must notice each.")
    parser.add_argument(
        "--only", default="", help="guards whose names hold one of these texts (commas between)"
    )
    parser.add_argument("--sandbox", default="nsjail")
    options = parser.parse_args()
    wanted = options.only.split(",")
    guards = [
        guard
        for guard in GUARDS
        if guard.sandbox == options.sandbox and any(text in guard.name for text in wanted)
    ]
    with tempfile.TemporaryDirectory(prefix="podium-mutations-") as folder:
        checkout = Path(folder) / "checkout"
        copy(checkout)
        with without(checkout, ALWAYS):
            return _report(_judged(checkout, guards, options.sandbox))


def _judged(checkout: Path, guards: Sequence[Guard], sandbox: str) -> Iterator[tuple[str, bool, str, float]]:
    """(guard, whether all is as it should be, what was seen, seconds), as it becomes known."""
    began = time.monotonic()
    everything = sorted({case for guard in guards for case in guard.cases})
    control = _judge(checkout, everything, sandbox)
    said = control.broken or ", ".join(control.red) or "all cases hold"
    yield "(nothing removed)", not control.red and not control.broken, said, time.monotonic() - began
    for guard in guards:
        began = time.monotonic()
        try:
            with without(checkout, guard.edits):
                result = _judge(checkout, guard.cases, sandbox)
        except LookupError as moved:
            result = Result({}, str(moved))
        # A case that fails already with every guard in place proves nothing.
        red = {case: why for case, why in result.red.items() if case not in control.red}
        said = result.broken or "; ".join(f"{case}: {why}" for case, why in red.items()) or "no case noticed"
        yield guard.name, bool(red) and not result.broken, said, time.monotonic() - began


def _report(results: Iterator[tuple[str, bool, str, float]]) -> int:
    missed = 0
    for name, well, said, seconds in results:
        missed += not well
        sys.stdout.write(f"{'ok    ' if well else 'MISSED'}  {name:<34} {seconds:4.0f} s  {said[:240]}\n")
        sys.stdout.flush()
    sys.stdout.write(
        f"the corpus did not notice {missed} of these\n"
        if missed
        else "the corpus noticed the absence of every guard\n"
    )
    return int(missed > 0)


def _judge(checkout: Path, cases: Sequence[str], sandbox: str) -> Result:
    """The cases that do not hold on this checkout."""
    report = checkout / "corpus.json"
    report.unlink(missing_ok=True)
    command = [sys.executable, "manage.py", "judge_corpus", CORPUS, "--sandbox", sandbox]
    command += ["--only", ",".join(cases), "--json", str(report)]
    told = dict(os.environ)  # noqa: TID251 - what a terminal would give it
    told.setdefault("PODIUM_ENVIRONMENTS_DIR", str(ROOT / "var" / "environments"))
    told |= {"PODIUM_VAR": str(checkout / "var"), "PYTHONDONTWRITEBYTECODE": "1"}
    said = checkout / "corpus.log"
    with said.open("wb") as log:
        process = subprocess.Popen(command, cwd=checkout, env=told, stdout=log, stderr=log)
    try:
        process.wait()
    except BaseException:  # Ctrl-C: its site goes before its checkout does
        process.send_signal(signal.SIGINT)
        process.wait()
        raise
    if not report.exists():
        words = (said.read_text(encoding="utf-8", errors="replace").strip() or "it said nothing").splitlines()
        return Result({}, f"nothing was judged: {words[-1][:200]}")
    found = json.loads(report.read_text(encoding="utf-8"))
    return Result({case["case"]: _why(case) for case in found["cases"] if not case["holds"]})


def _why(case: dict[str, list[str]]) -> str:
    reasons = [
        *case["faults"],
        *(f"left {x}" for x in case["leftovers"]),
        *(f"saw {x}" for x in case["canaries"]),
    ]
    return reasons[0][:120]


if __name__ == "__main__":
    sys.exit(main())
