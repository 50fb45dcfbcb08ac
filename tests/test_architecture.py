"""What keeps the code readable as it grows: sizes, names, documented settings."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from contests import rules
from operations.secret_settings import OF_THE_SITE
from runners.verdict import Verdict

ROOT = Path(__file__).resolve().parent.parent
MAX_LINES, MAX_FUNCTION = 400, 50
BANNED_NAMES = {"utils", "helpers", "common", "core", "misc", "services", "managers"}
SETTING = re.compile(r"PODIUM_[A-Z][A-Z0-9_]*[A-Z]")
# Programs for a sandbox, and generated files, are not ours to cut.
NOT_MEASURED = ("static/vendor/", "tests/corpus/")
# Names of constants, and what a sandboxed program is told: nothing an operator sets.
NOT_SETTINGS = {"PODIUM_BLOBS", "PODIUM_JOB_KIND", "PODIUM_MAX_ATTEMPTS", "PODIUM_VERSION"} | {
    # What a waiting sandbox is told (runners/hook), and forgets.
    "PODIUM_HOLD",
    "PODIUM_KERNEL_PRELOAD",
    "PODIUM_PRELOAD",
    "PODIUM_READY",
}


def files(*suffixes: str) -> list[Path]:
    """Files of the checkout that git knows or would take, relative to its root."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    found = (Path(name) for name in listed if name.endswith(suffixes) and not name.startswith(NOT_MEASURED))
    return sorted(path for path in found if (ROOT / path).is_file())


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_file_is_longer_than_400_lines() -> None:
    lengths = {
        path: len((ROOT / path).read_text("utf-8").splitlines())
        for path in files(".py", ".js", ".css", ".sh")
    }
    assert {path: length for path, length in lengths.items() if length > MAX_LINES} == {}


def test_no_function_is_longer_than_50_lines() -> None:
    too_long = {}
    for path in files(".py"):
        if path.parts[0] == "tests":  # a test may tell a long story
            continue
        for function in functions(ast.parse((ROOT / path).read_text("utf-8"))):
            length = (function.end_lineno or function.lineno) - function.lineno + 1
            if length > MAX_FUNCTION:
                too_long[f"{path}:{function.name}"] = length
    assert too_long == {}


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [
        path for path in files(".py") if path.stem in BANNED_NAMES or path.parent.name in BANNED_NAMES
    ] == []


def test_no_migration_has_a_generated_name() -> None:
    migrations = [path for path in files(".py") if path.parent.name == "migrations"]
    assert migrations
    assert [path for path in migrations if re.match(r"\d+_auto_", path.name)] == []


def test_no_model_hides_a_side_effect_in_save() -> None:
    hidden = [
        f"{path}:{function.name}"
        for path in files(".py")
        if path.stem == "models" or path.parent.name == "models"
        for function in functions(ast.parse((ROOT / path).read_text("utf-8")))
        if function.name in {"save", "delete"}
    ]
    assert hidden == []


def test_every_setting_is_documented_for_operators() -> None:
    read: set[str] = set()
    for path in files(".py"):
        if path.parts[0] in {"config", "operations", "runners"} and "samples" not in path.parts:
            read |= set(SETTING.findall((ROOT / path).read_text("utf-8")))
    read |= {f"{name}_FILE" for name in OF_THE_SITE}  # config.env.private
    read |= set(SETTING.findall((ROOT / "compose.yaml").read_text("utf-8")))
    documented = set(SETTING.findall((ROOT / "docs" / "operate.md").read_text("utf-8")))
    assert read - documented - NOT_SETTINGS == set()
    assert documented - read == set()


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_is_explained_to_contestants_with_what_it_costs(verdict: Verdict) -> None:
    rows = [
        line
        for line in (ROOT / "docs" / "compete.md").read_text("utf-8").splitlines()
        if line.startswith("|")
    ]
    row = next((line for line in rows if f"`{verdict}`" in line), "")
    cost = row.rstrip("| ").rpartition("|")[2].strip()
    if rules.costs_quota(verdict, started=True) and not rules.costs_quota(verdict, started=False):
        assert cost == "once it has started"
    else:
        assert cost == ("yes" if rules.costs_quota(verdict, started=True) else "no")


def test_every_test_that_the_architecture_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "architecture.md").read_text("utf-8")))
    assert named
    existing = {
        function.name
        for path in files(".py")
        if path.parts[0] == "tests"
        for function in functions(ast.parse((ROOT / path).read_text("utf-8")))
    }
    assert named - existing == set()


def test_every_link_between_documents_leads_somewhere() -> None:
    broken = {
        f"{path}: {target}"
        for path in files(".md")
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / path).read_text("utf-8"))
        if not (ROOT / path.parent / target).exists()
    }
    assert broken == set()


def test_no_address_of_a_package_index_is_written_down() -> None:
    locks = [*files(".lock"), *files("requirements.txt"), Path("pyproject.toml")]
    named = [
        path
        for path in locks
        if re.search(
            r"^\s*(-i|--index|--extra-index|--find-links)|https?://",
            (ROOT / path).read_text("utf-8"),
            re.MULTILINE,
        )
    ]
    assert named == []


def test_the_version_is_the_first_heading_of_the_changelog() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    first = re.search(r"^## \[?(\d+\.\d+\.\d+)", changelog, re.MULTILINE)
    assert first is not None
    assert f'version = "{first[1]}"' in (ROOT / "pyproject.toml").read_text("utf-8")
    assert f'PODIUM_VERSION = "{first[1]}"' in (ROOT / "config" / "settings.py").read_text("utf-8")


# Who deletes the row itself must keep everybody from referring to it; all others lock it without its key, or an upload
# that merely refers to a team or a contest would wait for whoever counts beside it, and two could wait for each other.
DELETES_WHAT_IT_LOCKS = {"contests/removal.py", "contests/unnamed.py"}


def test_rows_are_locked_without_their_keys() -> None:
    whole = [
        str(path)
        for path in files(".py")
        if path.parts[0] not in {"tests", "benchmarks"}
        and "select_for_update()" in (ROOT / path).read_text("utf-8")
    ]
    assert set(whole) == DELETES_WHAT_IT_LOCKS
