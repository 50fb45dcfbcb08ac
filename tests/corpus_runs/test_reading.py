"""A case.toml is read exactly; what is wrong with one is said with its file and field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomli_w

from operations.corpus.case import SMALL, BadCase, Kind
from operations.corpus.reading import read_corpus

GOOD: dict[str, Any] = {"kind": "script", "entry": "main.py", "expect": ["RUNTIME_ERROR"]}


def write(folder: Path, fields: dict[str, Any], *files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "case.toml").write_text(tomli_w.dumps(fields))
    for name in files or ("main.py",):
        (folder / name).write_text("pass")
    return folder


def test_a_case_has_every_field_that_the_format_knows(tmp_path: Path) -> None:
    limits = {"wall_s": 3, "cpu_s": 2.5, "memory_mb": 64, "pids": 9, "disk_mb": 5, "inodes": 50}
    limits |= {"log_kb": 8, "output_mb": 1}
    fields = GOOD | {
        "limits": limits,
        "expect": ["SCORED", "REJECTED"],
        "expect_score": [0.5, 1],
        "twin": "twin",
        "parallel_with": "02-other",
        "log_must_not_contain": ["secret"],
        "within_s": 9,
    }
    write(tmp_path / "01-full", fields)
    write(tmp_path / "01-full" / "twin", GOOD | {"expect": ["SCORED"]})
    write(tmp_path / "02-other", GOOD)
    corpus = read_corpus(tmp_path)
    assert list(corpus.cases) == ["01-full", "01-full/twin", "02-other"]
    case = corpus.cases["01-full"]
    assert (case.kind, case.filename, case.limits.cpu_s, case.limits.pids) == (Kind.SCRIPT, "main.py", 2.5, 9)
    assert (case.expect, case.expect_score) == (("SCORED", "REJECTED"), (0.5, 1.0))
    assert (case.twin, case.parallel_with, case.within_s) == ("01-full/twin", "02-other", 9)
    assert case.log_must_not_contain == ("secret",)


def test_what_a_case_leaves_out_has_small_limits(tmp_path: Path) -> None:
    write(tmp_path / "a", GOOD | {"limits": {"wall_s": 3}})
    limits = read_corpus(tmp_path).cases["a"].limits
    assert (limits.wall_s, limits.memory_mb, limits.log_kb) == (3, SMALL.memory_mb, SMALL.log_kb)


def test_a_project_may_be_a_folder_and_a_generated_upload_is_named_by_its_kind(tmp_path: Path) -> None:
    write(tmp_path / "a", {"kind": "project", "entry": "tree", "expect": ["SCORED"]})
    (tmp_path / "a" / "tree").mkdir()
    write(tmp_path / "b", {"kind": "predictions", "generate": "make.py", "expect": ["SCORED"]}, "make.py")
    cases = read_corpus(tmp_path).cases
    assert (cases["a"].filename, cases["b"].filename) == ("tree.zip", "predictions.csv")


def test_a_twin_without_a_case_of_its_own_is_like_its_case_and_must_be_scored(tmp_path: Path) -> None:
    write(tmp_path / "a", GOOD | {"twin": "mild", "limits": {"pids": 7}, "within_s": 4})
    (tmp_path / "a" / "mild").mkdir()
    (tmp_path / "a" / "mild" / "main.py").write_text("pass")
    twin = read_corpus(tmp_path).cases["a/mild"]
    assert (twin.expect, twin.limits.pids, twin.within_s) == (("SCORED",), 7, None)
    assert twin.entry == tmp_path / "a" / "mild" / "main.py"


def test_some_cases_come_with_their_twins_and_companions(tmp_path: Path) -> None:
    write(tmp_path / "01-a", GOOD | {"twin": "a-twin", "parallel_with": "02-b"})
    write(tmp_path / "a-twin", GOOD | {"expect": ["SCORED"]})
    write(tmp_path / "02-b", GOOD)
    write(tmp_path / "03-c", GOOD)
    corpus = read_corpus(tmp_path)
    assert list(corpus.only(["01"]).cases) == ["01-a", "02-b", "a-twin"]
    assert list(corpus.only(["03-c"]).cases) == ["03-c"]
    with pytest.raises(BadCase, match="there is no case 04"):
        corpus.only(["04"])


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown field": ({"expects": ["SCORED"]}, "expects: no such field"),
    "an unknown limit": ({"limits": {"memory": 5}}, "limits.memory: no such field"),
    "no kind": ({"kind": None}, "kind: is missing"),
    "a kind that is none": ({"kind": "binary"}, "kind: 'binary' is none"),
    "neither file": ({"entry": None}, "entry: give either"),
    "both files": ({"generate": "main.py"}, "entry: give either"),
    "a file that is not there": ({"entry": "gone.py"}, "entry: there is no"),
    "a file elsewhere": ({"entry": "../../etc/passwd"}, "entry: must lie in"),
    "no verdicts": ({"expect": None}, "expect: is missing"),
    "a verdict that is none": ({"expect": ["TLE"]}, "expect: 'TLE' is no verdict"),
    "our own fault as a verdict": ({"expect": ["INTERNAL_ERROR"]}, "expect: 'INTERNAL_ERROR' is no"),
    "verdicts that are no list": ({"expect": "SCORED"}, "expect: must be a list"),
    "a score without SCORED": ({"expect_score": [0, 1]}, "expect_score: says something only"),
    "a score upside down": ({"expect": ["SCORED"], "expect_score": [1, 0]}, "expect_score: must be"),
    "a limit of nothing": ({"limits": {"pids": 0}}, "limits.pids: must be more than 0"),
    "a limit as a text": ({"limits": {"pids": "9"}}, "limits.pids: must be a whole number"),
    "half a process": ({"limits": {"pids": 1.5}}, "limits.pids: must be a whole number"),
    "no twin there": ({"twin": "gone"}, "twin: there is no folder 'gone'"),
    "a twin that fails": ({"twin": "bad"}, "twin: bad is benign"),
    "a companion that is none": ({"parallel_with": "empty"}, "parallel_with: empty holds no"),
    "a flag as a text": ({"hidden": "yes"}, "hidden: must be true or false"),
    "a time as a text": ({"within_s": "5"}, "within_s: must be a number"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_case_is_refused_by_file_and_field(what: str, tmp_path: Path) -> None:
    fields, said = BROKEN[what]
    write(tmp_path / "case", {k: v for k, v in (GOOD | fields).items() if v is not None})
    write(tmp_path / "bad", GOOD)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadCase) as refused:
        read_corpus(tmp_path)
    assert str(refused.value).startswith(f"{tmp_path / 'case' / 'case.toml'}: {said}")


def test_every_broken_case_is_told_at_once(tmp_path: Path) -> None:
    write(tmp_path / "a", GOOD | {"kind": "x"})
    write(tmp_path / "b", GOOD | {"entry": "y"})
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "case.toml").write_text("kind =")
    with pytest.raises(BadCase) as refused:
        read_corpus(tmp_path)
    first, second, third = str(refused.value).splitlines()
    assert "a/case.toml: kind" in first
    assert "b/case.toml: entry" in second
    assert "c/case.toml: is no TOML" in third


def test_a_folder_without_cases_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadCase, match=r"no folder in it holds a case\.toml"):
        read_corpus(tmp_path)
    with pytest.raises(BadCase, match="there is no such folder"):
        read_corpus(tmp_path / "gone")
