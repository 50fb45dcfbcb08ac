"""What the demo's contestants hand in: the sample submissions, and a few simpler programs to compare with."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from operations import datasets
from operations.datasets import ContestFiles
from operations.samples.catalogue import SAMPLES
from runners.environments import definitions, find

PROGRAMS = Path(__file__).with_name("programs")
AUTHORS = {
    "numpy_two_layer.py": "ada",
    "predictions.csv": "emmy",
    "ridge.py": "ada",
    "logistic.ipynb": "emmy",
    "random_forest.py": "ada",
    "fails.py": "kurt",
    "torch_cnn.py": "lin",
    "keras_cnn.py": "sofia",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One submission. `environment` is empty for predictions; `key` makes it count once."""

    author: str
    contest: str
    filename: str
    content: bytes
    environment: str
    note: str

    @property
    def key(self) -> str:
        return f"demo-{self.contest}-{self.filename}"


def scoring_environment(environments: Path) -> Path:
    """Where it is built. Raises LookupError while it is not."""
    return find(environments, definitions()["scoring"].identifier)


def contest_files(workdir: Path, environments: Path) -> dict[str, ContestFiles]:
    """The demo contests' data by slug, made below `workdir` the first time.

    Raises LookupError while the scoring environment is not built, and what operations.datasets raises.
    """
    scoring = scoring_environment(environments)
    return {
        "digits": datasets.digits(workdir),
        "diabetes": datasets.diabetes(workdir, scoring),
        "breast-cancer": datasets.breast_cancer(workdir, scoring),
    }


def entries(files: dict[str, ContestFiles], environments: set[str]) -> list[Entry]:
    """Everything to hand in that runs in one of `environments`, quick ones first."""
    simple = [
        _sample_submission(files["diabetes"], "kurt"),
        _sample_submission(files["digits"], "sofia"),
        _program("lin", "diabetes", "body_mass.py"),
        _program("emmy", "digits", "nearest_mean.py"),
        _program("lin", "breast-cancer", "one_threshold.py"),
    ]
    written = [
        Entry(
            author=AUTHORS[sample.file],
            contest=sample.contest,
            filename=sample.file,
            content=sample.content(files[sample.contest]),
            environment=sample.environment,
            note=sample.title,
        )
        for sample in SAMPLES
    ]
    ordered = [entry for entry in written if not entry.environment] + simple
    ordered += [entry for entry in written if entry.environment]
    return [entry for entry in ordered if not entry.environment or entry.environment in environments]


def _sample_submission(files: ContestFiles, author: str) -> Entry:
    return Entry(
        author=author,
        contest=files.slug,
        filename="sample_submission.csv",
        content=files.public["sample_submission.csv"].read_bytes(),
        environment="",
        note="The sample, as it is",
    )


def _program(author: str, contest: str, name: str) -> Entry:
    content = (PROGRAMS / name).read_bytes()
    note = content.decode().split('"""')[1]  # its docstring
    return Entry(
        author=author, contest=contest, filename=name, content=content, environment="python", note=note
    )
