"""One pass of `manage.py judge_corpus`, as an operator starts it, and cases to hand it."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import tomli_w

from operations.corpus.reading import read_corpus
from tests.stack import ENVIRONMENTS, ROOT

CORPUS = ROOT / "tests" / "corpus"
NEEDS_A_GPU = {"60-gpu-hog", "twin-gpu"}
RIGHT = """
import csv
with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > 0)}\\n")
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Pass:
    """How the command ended, what it printed, and what it found by case."""

    status: int
    said: str
    found: dict[str, Any]

    def case(self, name: str) -> dict[str, Any]:
        return next(case for case in self.found["cases"] if case["case"] == name)

    def failed(self) -> dict[str, list[str]]:
        return {
            case["case"]: [*case["faults"], *case["leftovers"], *case["canaries"]]
            for case in self.found["cases"]
            if not case["holds"]
        }

    def skipped(self) -> set[str]:
        return {case["case"] for case in self.found["cases"] if case["skipped"]}


def command(corpus: Path, *options: str) -> list[str]:
    return [sys.executable, "manage.py", "judge_corpus", str(corpus), *options]


def environment(**settings: str) -> dict[str, str]:
    inherited = dict(os.environ)  # noqa: TID251 - as a terminal gives it, without our own settings
    kept = {name: text for name, text in inherited.items() if not name.startswith("PODIUM_")}
    return kept | {"PODIUM_ENVIRONMENTS_DIR": str(ENVIRONMENTS)} | settings


def judged(corpus: Path, folder: Path, *options: str, **settings: str) -> Pass:
    """Judge a corpus; `folder` is for the command's own files."""
    report = folder / "report.json"
    done = subprocess.run(
        command(corpus, "--json", str(report), *options),
        cwd=ROOT,
        env=environment(PODIUM_VAR=str(folder / "var"), **settings),
        capture_output=True,
        text=True,
        timeout=1400,
        check=False,
    )
    found = json.loads(report.read_text()) if report.exists() else {}
    return Pass(done.returncode, done.stdout + done.stderr, found)


def holds(found: Pass) -> None:
    assert found.failed() == {}, found.said
    assert (found.found["faults"], found.status) == ([], 0), found.said
    assert found.skipped() == (set() if _has_a_gpu() else found.skipped() & NEEDS_A_GPU), found.said
    for name in found.skipped():
        assert f"{name}: skipped, needs 1 GPU" in found.said


def is_whole(found: Pass) -> None:
    assert {case["case"] for case in found.found["cases"]} == set(read_corpus(CORPUS).cases)


def _has_a_gpu() -> bool:
    return Path("/dev/nvidiactl").exists()


def write(folder: Path, files: dict[str, str], **fields: Any) -> None:
    """A case with these files; a script that is to be scored unless the fields say otherwise."""
    folder.mkdir(parents=True)
    usual = {"kind": "script", "entry": "main.py", "expect": ["SCORED"]}
    if "generate" in fields:
        usual.pop("entry")
    (folder / "case.toml").write_text(tomli_w.dumps(usual | fields))
    for name, text in files.items():
        (folder / name).write_text(text)
