"""One case of a hostile corpus, read from its `case.toml`; docs/corpus.md describes the format.

Theory of operation. A case is a folder. What it hands in is one file of the folder (`entry`), a folder of it that is
zipped (`entry` of a project), or what a program of it prints (`generate`). Reading is strict: a misspelt field would
quietly weaken a case, so every unknown field, wrong type and impossible value is a `BadCase` that names file and field.
"""

from __future__ import annotations

import dataclasses
import enum
import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runners.spec import Limits
from runners.verdict import Verdict

FILE = "case.toml"
REJECTED = "REJECTED"
# What a case may expect: every verdict but those that are our own fault or decision, and the refusal at the door.
EXPECTED = {*(v.value for v in Verdict), REJECTED} - {Verdict.INTERNAL_ERROR, Verdict.CANCELLED}
SMALL = Limits(wall_s=10, cpu_s=10, memory_mb=256, pids=64, disk_mb=64, inodes=2000, log_kb=64, output_mb=8)
_FIELDS = {
    "kind",
    "entry",
    "generate",
    "limits",
    "expect",
    "expect_score",
    "twin",
    "log_must_not_contain",
    "parallel_with",
    "within_s",
    "hidden",
}
_WHOLE_LIMITS = {"memory_mb", "pids", "disk_mb", "inodes", "log_kb", "output_mb", "gpus"}


class BadCase(Exception):
    """A case cannot be read; the text names the file and the field and says what it should be."""


class Kind(enum.StrEnum):
    SCRIPT = "script"
    NOTEBOOK = "notebook"
    PREDICTIONS = "predictions"
    PROJECT = "project"


# The name under which a generated upload is handed in.
GENERATED_NAME = {
    Kind.SCRIPT: "main.py",
    Kind.NOTEBOOK: "main.ipynb",
    Kind.PREDICTIONS: "predictions.csv",
    Kind.PROJECT: "project.zip",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a case hands in, under which limits, and what must come of it."""

    name: str  # path of its folder below the corpus, for example "01-cpu-spin" or "01-cpu-spin/twin"
    folder: Path
    kind: Kind
    entry: Path | None  # exactly one of entry and generate
    generate: Path | None
    limits: Limits
    expect: tuple[str, ...]
    expect_score: tuple[float, float] | None = None
    twin: str = ""  # names of other cases
    parallel_with: str = ""
    log_must_not_contain: tuple[str, ...] = ()
    within_s: float | None = None
    hidden: bool = False  # judged with hidden features

    @property
    def filename(self) -> str:
        """The name of the uploaded file."""
        if self.entry is None:
            return GENERATED_NAME[self.kind]
        return f"{self.entry.name}.zip" if self.entry.is_dir() else self.entry.name


class _Fields:
    """The fields of one case.toml, taken one by one; what is wrong with one raises BadCase."""

    def __init__(self, file: Path, raw: Mapping[str, Any], known: set[str], prefix: str = "") -> None:
        self.file, self.raw, self._prefix = file, raw, prefix
        for name in raw:
            if name not in known:
                self.fail(name, f"no such field; there are {', '.join(sorted(known))}")

    def fail(self, name: str, why: str) -> None:
        raise BadCase(f"{self.file}: {self._prefix}{name}: {why}")

    def __contains__(self, name: str) -> bool:
        return name in self.raw

    def text(self, name: str) -> str:
        value = self.raw.get(name, "")
        if not isinstance(value, str) or (name in self.raw and not value.strip()):
            self.fail(name, "must be a text that is not empty")
        return str(value)

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.raw.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            self.fail(name, 'must be a list of texts that are not empty, for example ["…"]')
        return tuple(value)

    def number(self, name: str, *, whole: bool = False) -> float:
        value = self.raw[name]
        right = isinstance(value, int) or (isinstance(value, float) and not whole)
        if not right or isinstance(value, bool) or not math.isfinite(value) or value < 0:
            self.fail(name, f"must be a {'whole ' if whole else ''}number that is not negative")
        return value  # type: ignore[no-any-return]  # looked at above

    def flag(self, name: str) -> bool:
        value = self.raw.get(name, False)
        if not isinstance(value, bool):
            self.fail(name, "must be true or false")
        return bool(value)

    def pair(self, name: str) -> tuple[float, float] | None:
        if name not in self.raw:
            return None
        value = self.raw[name]
        numbers = isinstance(value, list) and all(
            isinstance(item, int | float) and not isinstance(item, bool) for item in value
        )
        if not numbers or len(value) != 2 or not value[0] <= value[1]:  # noqa: PLR2004 - a pair
            self.fail(name, "must be [low, high], two numbers of which the first is not the larger")
        return float(value[0]), float(value[1])

    def table(self, name: str) -> Mapping[str, Any]:
        value = self.raw.get(name, {})
        if not isinstance(value, dict):
            self.fail(name, f"must be a table: [{name}]")
        return value  # type: ignore[no-any-return]  # looked at above


def read_case(folder: Path, corpus: Path) -> Case:
    """The case of a folder below `corpus`. Raises BadCase."""
    file = folder / FILE
    fields = _Fields(file, _parsed(file), _FIELDS)
    kind = _kind(fields)
    entry, generate = _upload(fields, folder, kind)
    score = fields.pair("expect_score")
    expect = _expect(fields)
    if score is not None and Verdict.SCORED not in expect:
        fields.fail("expect_score", "says something only where `expect` has SCORED")
    within = fields.number("within_s") if "within_s" in fields else None
    return Case(
        name=folder.relative_to(corpus).as_posix(),
        folder=folder,
        kind=kind,
        entry=entry,
        generate=generate,
        limits=_limits(fields),
        expect=expect,
        expect_score=score,
        twin=_other(fields, "twin", folder, corpus),
        parallel_with=_other(fields, "parallel_with", folder, corpus),
        log_must_not_contain=_forbidden(fields),
        within_s=within,
        hidden=fields.flag("hidden") or kind is Kind.PROJECT,
    )


def _parsed(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadCase(f"{file}: is no TOML: {error}") from error
    except OSError as error:
        raise BadCase(f"{file}: cannot be read: {error.strerror}") from error


def _kind(fields: _Fields) -> Kind:
    if "kind" not in fields:
        fields.fail("kind", f"is missing; one of {', '.join(Kind)}")
    given = fields.text("kind")
    if given not in set(Kind):
        fields.fail("kind", f"{given!r} is none; one of {', '.join(Kind)}")
    return Kind(given)


def _upload(fields: _Fields, folder: Path, kind: Kind) -> tuple[Path | None, Path | None]:
    """(entry, generate): exactly one of them is there, inside the folder."""
    if ("entry" in fields) == ("generate" in fields):
        fields.fail("entry", "give either `entry` or `generate`")
    name = "entry" if "entry" in fields else "generate"
    path = folder / fields.text(name)
    if not path.resolve().is_relative_to(folder.resolve()):
        fields.fail(name, "must lie in the case's own folder")
    if path.is_dir() and (name == "generate" or kind is not Kind.PROJECT):
        fields.fail(name, "is a folder; only the entry of a project may be one")
    if not path.exists():
        fields.fail(name, f"there is no {path}")
    return (path, None) if name == "entry" else (None, path)


def _limits(fields: _Fields) -> Limits:
    names = {field.name for field in dataclasses.fields(Limits)}
    given = fields.table("limits")
    own = _Fields(fields.file, given, names, prefix="limits.")
    chosen = {name: own.number(name, whole=name in _WHOLE_LIMITS) for name in given}
    for name, value in chosen.items():
        if value == 0 and name != "gpus":
            own.fail(name, "must be more than 0")
    try:
        return Limits(**(SMALL.as_json() | chosen))
    except ValueError as error:
        raise BadCase(f"{fields.file}: limits: {error}") from error


def _expect(fields: _Fields) -> tuple[str, ...]:
    verdicts = fields.texts("expect")
    if not verdicts:
        fields.fail("expect", f"is missing: a list of verdicts, of {', '.join(sorted(EXPECTED))}")
    for verdict in verdicts:
        if verdict not in EXPECTED:
            fields.fail("expect", f"{verdict!r} is no verdict; there are {', '.join(sorted(EXPECTED))}")
    return verdicts


def _forbidden(fields: _Fields) -> tuple[str, ...]:
    """One text or several."""
    if isinstance(fields.raw.get("log_must_not_contain"), str):
        return (fields.text("log_must_not_contain"),)
    return fields.texts("log_must_not_contain")


def _other(fields: _Fields, name: str, folder: Path, corpus: Path) -> str:
    """The name of another case's folder, which lies in this case's folder or in the corpus; "" when not given."""
    given = fields.text(name)
    if not given:
        return ""
    places = [folder / given, corpus / given]
    for place in places:
        found = place.resolve()
        if found.is_dir() and found != folder.resolve() and found.is_relative_to(corpus.resolve()):
            return found.relative_to(corpus.resolve()).as_posix()
    fields.fail(name, f"there is no folder {given!r} in the case's folder or beside it, within the corpus")
    return ""
