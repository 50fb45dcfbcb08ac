"""The built-in corpus is whole: every number has a case, every hostile case a benign twin, and all can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from operations.corpus.case import Case
from operations.corpus.reading import Corpus, read_corpus

CORPUS = Path(__file__).resolve().parent.parent / "corpus"
# 52 to 59 are about the judge's queue and its pages, not about what a submission does.
NUMBERS = [*range(1, 52), *range(60, 69)]
SECONDS_OF_WALL = 60.0


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return read_corpus(CORPUS)


def number_of(case: Case) -> int | None:
    found = re.match(r"(\d\d)[a-z]?-[a-z0-9-]+$", case.name)
    return int(found[1]) if found else None


def is_twin(case: Case) -> bool:
    return bool(re.fullmatch(r"twin-[a-z]+", case.name))


def test_every_number_has_a_case(corpus: Corpus) -> None:
    assert sorted({number_of(case) for case in corpus.cases.values() if not is_twin(case)}) == NUMBERS  # type: ignore[type-var]  # None is not among them


def test_every_folder_is_named_as_a_case_or_a_twin(corpus: Corpus) -> None:
    folders = {path.name for path in CORPUS.iterdir() if path.is_dir()}
    assert folders == set(corpus.cases)
    assert [
        name for name, case in corpus.cases.items() if not is_twin(case) and number_of(case) is None
    ] == []


def test_every_case_has_a_twin_of_its_own_kind_that_is_scored(corpus: Corpus) -> None:
    for case in corpus.cases.values():
        if is_twin(case):
            assert case.expect == ("SCORED",), case.name
            assert case.expect_score is not None, case.name
        else:
            assert case.twin, case.name
            assert corpus.cases[case.twin].kind == case.kind, case.name


def test_every_twin_is_somebodys(corpus: Corpus) -> None:
    named = {case.twin for case in corpus.cases.values()}
    assert {case.name for case in corpus.cases.values() if is_twin(case)} <= named


def test_a_hostile_case_that_is_scored_says_which_score(corpus: Corpus) -> None:
    vague = [
        case.name for case in corpus.cases.values() if "SCORED" in case.expect and case.expect_score is None
    ]
    # It may be caught at a moment at which its file is a link.
    assert vague == ["64b-cleanup-race-with-links"]


def test_no_case_may_take_longer_than_a_minute(corpus: Corpus) -> None:
    assert [case.name for case in corpus.cases.values() if case.limits.wall_s > SECONDS_OF_WALL] == []


def test_every_case_says_what_it_does(corpus: Corpus) -> None:
    silent = [
        case.name
        for case in corpus.cases.values()
        if not (case.folder / "case.toml").read_text().startswith("# ")
    ]
    assert silent == []


def test_the_document_tells_of_every_number() -> None:
    text = (CORPUS.parent.parent / "docs" / "corpus.md").read_text("utf-8")
    section = text.partition("## The built-in cases")[2].partition("\n### ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| ")]
    told = [int(number) for row in rows for number in re.findall(r"\b(\d\d)\b", row)]
    assert told == NUMBERS
