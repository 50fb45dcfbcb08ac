"""What is sent to the builder of the site's image: what is named, so that nothing private gets in by lying about."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOT_IN_THE_IMAGE = {".ci", ".dockerignore", ".gitignore", "Dockerfile", "Makefile", "benchmarks", "tests"}


def lines() -> list[str]:
    said = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    return [line for line in said if line and not line.startswith("#")]


def test_everything_is_left_out_that_is_not_named() -> None:
    assert lines()[0] == "*"
    named = {line[1:] for line in lines() if line.startswith("!")}
    assert not {name for name in named if set(name) & set("*?[/")}
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    of_the_checkout = {path.partition("/")[0] for path in listed.splitlines()}
    assert named == of_the_checkout - NOT_IN_THE_IMAGE
