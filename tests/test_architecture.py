"""What keeps the code readable as it grows: sizes, names, documented settings."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from contests import rules
from runners.verdict import Verdict

ROOT = Path(__file__).resolve().parent.parent
MAX_LINES, MAX_FUNCTION = 400, 50
BANNED_NAMES = {"utils", "helpers", "common", "core", "misc", "services", "managers"}
SETTING = re.compile(r"PODIUM_[A-Z][A-Z_]*[A-Z]")
# Programs for a sandbox, and generated files, are not ours to cut.
NOT_MEASURED = ("static/vendor/", "tests/corpus/")
# Names of constants, and what a sandboxed program is told: nothing an operator sets.
NOT_SETTINGS = {"PODIUM_BLOBS", "PODIUM_JOB_KIND", "PODIUM_MAX_ATTEMPTS", "PODIUM_VERSION"} | {
    # What a waiting sandbox is told (runners/hook), and forgets.
    "PODIUM_HOLD",
    "PODIUM_KERNEL_PRELOAD",
