"""Codabench programs as jobs: which archive lies where, what their metadata's command means here, what scores they say.

Theory of operation. A bundle's programs find everything at fixed places and are started there by a command of their
metadata. Two jobs stand for one submission, and between them only an archive of files passes:

    INGEST  /app/program             the ingestion program (or, where there is none, the submission itself)
            /app/ingested_program    the submission
            /app/input_data          the task's public data
            /app/output -> /output   comes back whole, as an archive
    SCORE   /app/program             the scoring program
            /app/input/ref           reference data: on trusted hosts only, and never beside a submission's code
            /app/input/res           what INGEST left, or a submission that is results already
            /app/output -> /output   scores.json or scores.txt, and detailed_results.html

In both, /app/input_data is there if the task has some, /app/shared is an empty folder of this one job, and the working
directory is /app/program, which cannot be written. Pure: a bundle's import and the queue hand in rows as values.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import NoReturn

from django.utils.translation import gettext as _

from runners.spec import InputFile, JobKind, JobSpec, Limits

PROGRAM, SUBMISSION = "/app/program", "/app/ingested_program"
DATA, REFERENCE, RESULTS = "/app/input_data", "/app/input/ref", "/app/input/res"
OUTPUT, SHARED = "/app/output", "/app/shared"
LINKS = ((OUTPUT, "/output"), (SHARED, "/tmp"))  # noqa: S108 - in the sandbox
ARCHIVE = "output.zip"  # what INGEST leaves, whole
SCORES, OLD_SCORES, DETAILS = "scores.json", "scores.txt", "detailed_results.html"
MAX_COMMAND = 2000
MAX_SCORES, MAX_SCORES_BYTES, MAX_KEY = 100, 64 << 10, 100

_PYTHON = re.compile(r"(?:/usr/(?:local/)?bin/)?python(?:[23](?:\.\d+)?)?")
_SHELLS = {"sh": "/bin/sh", "/bin/sh": "/bin/sh", "bash": "/bin/bash", "/bin/bash": "/bin/bash"}
_PLACEHOLDER = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_OF_A_SHELL = re.compile(r"[;&|<>`\0]|\$\(")
_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
# Older bundles name places by words. What is the same in both jobs:
_WORDS = {
    "program": PROGRAM,
    "ingestion_program": PROGRAM,
    "output": OUTPUT,
    "submission_program": SUBMISSION,
    "hidden": REFERENCE,  # a place where nothing is, beside a submission
    "shared": SHARED,
    "tmp": "/tmp",  # noqa: S108 - in the sandbox
    "tmpdir": "/tmp",  # noqa: S108 - in the sandbox
}
_WORDS_OF = {
    JobKind.INGEST: _WORDS | {"input": DATA, "predictions": OUTPUT},
    JobKind.SCORE: _WORDS | {"input": "/app/input", "predictions": RESULTS},
}


class NotUnderstood(Exception):
    """A program cannot be run as its metadata asks; a sentence for the organiser."""


class BadScores(Exception):
    """A scoring program left no scores that can be counted; a sentence for the organiser."""


@dataclasses.dataclass(frozen=True, slots=True)
class Archive:
    """A zip among the blobs, whose tree is meant."""

    sha256: str
    size: int


@dataclasses.dataclass(frozen=True, slots=True)
class Program:
    """A program's archive, and its metadata as YAML gave it."""

    archive: Archive
    metadata: Mapping[str, object]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What every job has, whatever it does."""

    job_id: str
    attempt: int
    token: str
    environment: str
    limits: Limits
    heartbeat_s: float = 10.0
    image: str = ""


def ingest(
    ticket: Ticket,
    *,
    submission: Program,
    ingestion: Program | None,
    data: Archive | None,
    withheld: bool = False,
) -> JobSpec:
    """The job that runs a submission, or the organiser's ingestion program beside it. Raises NotUnderstood.

    There is no argument for reference data: this job cannot carry it.
    """
    program = ingestion or submission
    places = {PROGRAM: program.archive, DATA: data}
    if ingestion is not None:
        places[SUBMISSION] = submission.archive
    job = _job(ticket, JobKind.INGEST, program, places)
    return dataclasses.replace(job, required_output=ARCHIVE, tree="/output", withheld=withheld)


def score(
    ticket: Ticket, *, scoring: Program, results: Archive, reference: Archive | None, data: Archive | None
) -> JobSpec:
    """The job that compares results with reference data, on a trusted host. Raises NotUnderstood."""
    places = {PROGRAM: scoring.archive, REFERENCE: reference, RESULTS: results, DATA: data}
    job = _job(ticket, JobKind.SCORE, scoring, places)
    return dataclasses.replace(job, required_output=SCORES, kept=(OLD_SCORES, DETAILS))


def _job(ticket: Ticket, kind: JobKind, program: Program, places: Mapping[str, Archive | None]) -> JobSpec:
    return JobSpec(
        job_id=ticket.job_id,
        kind=kind,
        attempt=ticket.attempt,
        token=ticket.token,
        environment=ticket.environment,
        argv=command(program.metadata, kind),
        inputs=tuple(
            InputFile(path=place, sha256=archive.sha256, size=archive.size, unpack=True)
            for place, archive in places.items()
            if archive is not None
        ),
        limits=ticket.limits,
        required_output="",
        heartbeat_s=ticket.heartbeat_s,
        links=LINKS,
        cwd=PROGRAM,
        image=ticket.image,
    )


def command(metadata: Mapping[str, object], kind: JobKind) -> tuple[str, ...]:
    """The program to start and its arguments. Raises NotUnderstood for what would need a shell, or is not there."""
    given = metadata.get("command")
    if not isinstance(given, str) or not given.strip():
        raise NotUnderstood(_("The program's metadata has no command, so there is nothing to run."))
    if len(given.strip().splitlines()) > 1:
        raise NotUnderstood(_("The program's command has more than one line."))
    if len(given) > MAX_COMMAND:
        raise NotUnderstood(
            _("The program's command is longer than %(most)s characters.") % {"most": MAX_COMMAND}
        )
    try:
        words = shlex.split(given)
    except ValueError:
        raise NotUnderstood(_("The program's command has a quote that is never closed.")) from None
    for word in words:
        if _OF_A_SHELL.search(word):
            raise NotUnderstood(
                _("The program's command is not run by a shell: put “%(word)s” into a script of the program.")
                % {"word": word}
            )
    return (_interpreter(words[0]), *(_replaced(word, kind) for word in words[1:]))


def is_results(submission: Mapping[str, object], *, ingestion: bool) -> bool:
    """Whether a submission is scored as it is: it has no command of its own, and no ingestion program takes it."""
    return not ingestion and not submission.get("command")


def _interpreter(word: str) -> str:
    if _PYTHON.fullmatch(word):
        return "{python}"
    if word in _SHELLS:
        return _SHELLS[word]
    raise NotUnderstood(
        _(
            "The program's command starts “%(word)s”. It must start with python3, or with sh or bash and a script."
        )
        % {"word": word}
    )


def _replaced(word: str, kind: JobKind) -> str:
    """The word with places for names. Raises NotUnderstood, also for a `{python}` of its own: that word is ours."""

    def place(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name not in _WORDS_OF[kind]:
            known = ", ".join(f"${known}" for known in _WORDS_OF[kind])
            raise NotUnderstood(
                _("The program's command names $%(name)s, which nobody sets. There are %(known)s.")
                % {"name": name, "known": known}
            )
        return _WORDS_OF[kind][name]

    replaced = _PLACEHOLDER.sub(place, word)
    if "{python}" in replaced:
        raise NotUnderstood(
            _("The program's command is not run by a shell: put “%(word)s” into a script of the program.")
            % {"word": word}
        )
    return replaced


def read_scores(files: Mapping[str, bytes]) -> dict[str, float]:
    """The scores among what a scoring program left, by the keys of the bundle's leaderboard. Raises BadScores."""
    if SCORES in files:
        pairs = _of_json(files[SCORES])
    elif OLD_SCORES in files:
        pairs = _of_lines(files[OLD_SCORES])
    else:
        raise BadScores(_("The scoring program left neither scores.json nor scores.txt."))
    if not pairs:
        raise BadScores(_("The scoring program's scores are empty."))
    if len(pairs) > MAX_SCORES:
        raise BadScores(_("The scoring program left more than %(most)s scores.") % {"most": MAX_SCORES})
    return {key: _number(key, value) for key, value in pairs.items()}


def _of_json(content: bytes) -> Mapping[str, object]:
    try:
        found = json.loads(_text(content), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise BadScores(_("The scoring program's scores.json is no JSON.")) from error
    if not isinstance(found, dict):
        raise BadScores(_("The scoring program's scores.json must be an object of names and numbers."))
    return found


def _of_lines(content: bytes) -> Mapping[str, object]:
    pairs = []
    for line in _text(content).splitlines():
        key, colon, value = line.partition(":")
        if line.strip() and not colon:
            raise BadScores(
                _("A line of the scoring program's scores.txt is not of the form “name: number”.")
            )
        if colon:
            pairs.append((key.strip(), value.strip()))
    return _once(pairs)


def _once(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BadScores(_("The scoring program gave one score twice."))
    return found


def _text(content: bytes) -> str:
    if len(content) > MAX_SCORES_BYTES:
        raise BadScores(
            _("The scoring program's scores are larger than %(kb)s KB.") % {"kb": MAX_SCORES_BYTES >> 10}
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadScores(_("The scoring program's scores are not encoded as UTF-8.")) from error


def _number(key: str, value: object) -> float:
    if not 0 < len(key) <= MAX_KEY or not key.isprintable():
        raise BadScores(_("The scoring program gave a score a name that cannot be shown."))
    written = isinstance(value, str) and _DECIMAL.fullmatch(value)
    if not written and (isinstance(value, bool) or not isinstance(value, int | float)):
        _not_a_number(key)
    try:
        number = float(value)  # type: ignore[arg-type]  # a decimal number as text, or a number
    except OverflowError:
        _not_a_number(key)
    if not math.isfinite(number):
        _not_a_number(key)
    return number


def _not_a_number(key: str) -> NoReturn:
    raise BadScores(_("The scoring program's score “%(key)s” is no finite number.") % {"key": key})
