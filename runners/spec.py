"""The words a site and a runner host say to each other: job specifications and file references.

Standard library only: the site, the agent and the shim all import this module.
Sizes are bytes unless a name says otherwise; times are seconds.
"""

from __future__ import annotations

import dataclasses
import enum
import re
from typing import Any

from runners import wire

PROTOCOL_VERSION = 1
SUBMISSION_FILE = "submission.csv"  # what a contestant's program must leave in /output
RESULT_FILE = "result.json"  # what the scorer leaves in /output
RESULT_MAX_BYTES = 256 * 1024
MAX_OUTPUT_FILES = 20  # that leave a sandbox
SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")  # of a collected file; use fullmatch
SHA256 = re.compile(r"[0-9a-f]{64}")
# An organiser's own image: by digest, because a tag may mean something else tomorrow. Use fullmatch.
IMAGE = re.compile(r"(?P<name>[a-z0-9][a-z0-9._:/-]{0,220})@sha256:(?P<digest>[0-9a-f]{64})")
IMAGE_PREFIX = "image:"  # before it among the environments that a claim lists


class JobKind(enum.StrEnum):
    RUN = "run"
    SCORE = "score"
    CHECK = "check"  # an organiser's task, looked at by the validator; it carries labels as SCORE does
    REHEARSE = (
        "rehearse"  # a program on public sample data with a live log, before its RUN on hidden features
    )
    TRAIN = "train"  # a project's train.py; what it leaves in /model goes to PREDICT
    PREDICT = "predict"  # a project's predict.py beside hidden features; nothing of its log leaves the host
    INGEST = "ingest"  # a Codabench ingestion program beside the submission, without reference data


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a sandbox may use. Files in /output, /tmp and /dev/shm share `disk_mb` and `inodes`."""

    wall_s: float = 600.0
    cpu_s: float = 1200.0
    memory_mb: int = 2048
    pids: int = 128
    disk_mb: int = 512
    inodes: int = 20_000
    log_kb: int = 256  # kept; what is written beyond is counted and dropped
    output_mb: int = 64  # the required output file, and all collected files together
    gpus: int = 0  # whole devices, each for this run alone

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            least = 0 if field.name == "gpus" else 1e-9
            if not least <= value <= 10**9:
                raise ValueError(f"limit {field.name} must lie between 0 and 10^9, not {value}")

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Limits:
        return cls(**raw)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """A blob and where it lies in the sandbox, for example `/input/train.csv`."""

    path: str
    sha256: str
    size: int
    unpack: bool = False  # the blob is a zip, and its tree lies at `path`

    @classmethod
    def from_json(cls, raw: object) -> InputFile:
        """Raises wire.Malformed."""
        names = {"path", "sha256", "size"}
        fields = wire.only(raw, "An input file", needed=names, allowed=names | {"unpack"})
        path = wire.text(fields, "path", most=4096)
        size, unpack = wire.whole(fields, "size"), wire.flag(fields, "unpack")
        return cls(path=path, sha256=_sha256(fields), size=size, unpack=unpack)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """One attempt at one job, as answered by `POST /runner/v1/claim`."""

    job_id: str
    kind: JobKind
    attempt: int
    token: str  # bearer of every later call about this attempt; dies at the next claim
    environment: str  # "<name>@<version>"
    argv: tuple[str, ...]  # "{python}" stands for the environment's interpreter
    inputs: tuple[InputFile, ...]
    limits: Limits
    required_output: str  # file name in /output
    heartbeat_s: float = 10.0
    # (place in the sandbox, target), for example ("/kaggle/input/x", "/input")
    links: tuple[tuple[str, str], ...] = ()
    # Names in /output that are collected whatever became of the required file.
    kept: tuple[str, ...] = ()
    # "/output" or "/model": this writable directory comes back whole, as the zip archive `required_output`.
    tree: str = ""
    cwd: str = "/output"
    withheld: bool = False  # the log stays on the host and is deleted with the run
    image: str = ""  # an organiser's own image, "<name>@sha256:<digest>"; empty: the environment's

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self) | {"protocol": PROTOCOL_VERSION}

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> JobSpec:
        """Read a claim's answer. Raises ValueError for another protocol, KeyError/TypeError for a malformed one."""
        fields = dict(raw)
        protocol = fields.pop("protocol", None)
        if protocol != PROTOCOL_VERSION:
            raise ValueError(f"the site speaks runner protocol {protocol}, this agent {PROTOCOL_VERSION}")
        fields["kind"] = JobKind(fields["kind"])
        fields["argv"] = tuple(fields["argv"])
        fields["inputs"] = tuple(InputFile.from_json(item) for item in fields["inputs"])
        fields["limits"] = Limits.from_json(fields["limits"])
        fields["links"] = tuple((a, b) for a, b in fields.get("links", ()))
        fields["kept"] = tuple(fields.get("kept", ()))
        return cls(**fields)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OutputFile:
    """A regular file collected from /output: a bare name, never a path."""

    name: str
    sha256: str
    size: int

    @classmethod
    def from_json(cls, raw: object) -> OutputFile:
        """Raises wire.Malformed, above all for a name that could lead out of a directory."""
        names = {"name", "sha256", "size"}
        fields = wire.only(raw, "A file", needed=names, allowed=names)
        name = wire.text(fields, "name", most=100)
        if not SAFE_NAME.fullmatch(name):
            raise wire.Malformed(
                f"{name!r} is no name of an output file: letters, digits, dots, dashes and underscores only."
            )
        return cls(name=name, sha256=_sha256(fields), size=wire.whole(fields, "size"))


def _sha256(fields: dict[str, Any]) -> str:
    digest = wire.text(fields, "sha256", most=64)
    if not SHA256.fullmatch(digest):
        raise wire.Malformed("sha256 must be 64 hexadecimal digits in lower case.")
    return digest
