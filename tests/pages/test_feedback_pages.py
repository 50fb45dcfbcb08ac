"""What a metric tells beside the score: made by the real scorer, shown to its owner and the organisers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from contests.models import Contest, Submission
from leaderboard.models import Score
from tests.builders import make_submission
from tests.metrics.judging import judged, table
from tests.pages.reading import Page, read, signed_in

ROWS = range(200)


def scored(  # noqa: PLR0917 - as a table's row, six times below
    contest: Contest, user: User, folder: Path, truth: Sequence[object], said: Sequence[object], metric: str
) -> Submission:
    solution = table(["id", "target", "Usage"], ([at, true, "Public"] for at, true in enumerate(truth)))
    result = judged(folder, table(["id", "target"], enumerate(said)), solution=solution, metric=metric)
    submission = make_submission(contest, user, status="FINISHED", public_score=0.5)
    Score.objects.filter(submission=submission).update(feedback=result["feedback"])
    return submission


def page_of(submission: Submission, user: User, language: str = "en") -> Page:
    page = read(signed_in(user, language=language), f"/submissions/{submission.pk}/")
    assert page.faults() == []
    return page


def named_pictures(page: Page) -> list[dict[str, Any]]:
    ids = {given.get("id") for _tag, given in page.elements}
    pictures = [given for given in page.all("svg") if given.get("role") == "img"]
    for given in pictures:
        assert set(str(given["aria-labelledby"]).split()) <= ids
    return pictures


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_classes_are_drawn_and_told_as_tables(
    contest: Contest, alice: User, tmp_path: Path, language: str
) -> None:
    truth = [at % 3 for at in ROWS]
    said = [2 if at % 3 == 1 and at < 60 else at % 3 for at in ROWS]
    page = page_of(scored(contest, alice, tmp_path, truth, said, "accuracy"), alice, language)
    assert len(named_pictures(page)) == 1
    assert "1 47 0 20" in page.text.replace("1 0 47 20", "1 47 0 20")
    if language == "en":
        assert "Most often confused: “1” as “2”, 20 rows." in page.text
        assert "2 0.767 1.000 0.868 66" in page.text


def test_a_dash_stands_for_a_class_predicted_for_a_few_rows(
    contest: Contest, alice: User, tmp_path: Path
) -> None:
    said = [2 if at < 3 else at % 2 for at in ROWS]
    page = page_of(scored(contest, alice, tmp_path, [at % 3 for at in ROWS], said, "f1"), alice)
    assert "2 – – – 66" in page.text
    assert "too few public rows" in page.text


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_residuals_are_drawn_and_told_as_tables(
    contest: Contest, alice: User, tmp_path: Path, language: str
) -> None:
    truth = [at * 1.5 for at in ROWS]
    page = page_of(
        scored(
            contest,
            alice,
            tmp_path,
            truth,
            [value + at % 5 - 2 for at, value in enumerate(truth)],
            "rmse",
        ),
        alice,
        language,
    )
    assert len(named_pictures(page)) == 1
    assert page.html.count('<rect class="bar') == 5  # so many different residuals
    assert "50 % 0" in page.text


def test_probabilities_have_a_curve_and_where_they_are_true_ones_classes_too(
    contest: Contest, alice: User, tmp_path: Path
) -> None:
    truth = [at % 2 for at in ROWS]
    said = [0.4 + at % 2 * 0.3 if at % 5 else 0.5 for at in ROWS]
    page = page_of(scored(contest, alice, tmp_path, truth, said, "log_loss"), alice)
    assert len(named_pictures(page)) == 2
    assert "ROC curve" in page.text
    ranked = page_of(scored(contest, alice, tmp_path, truth, said, "roc_auc"), alice)
    assert len(named_pictures(ranked)) == 1


def test_many_classes_are_drawn_without_numbers(contest: Contest, alice: User, tmp_path: Path) -> None:
    truth = [f"a class called {at % 120}" for at in range(1200)]
    page = page_of(scored(contest, alice, tmp_path, truth, truth, "accuracy"), alice)
    assert 'class="heat-number' not in page.html
    assert page.html.count('class="heat-right"') == 40
    assert "other" in page.text


def test_class_names_are_text(contest: Contest, alice: User, tmp_path: Path) -> None:
    truth = ["<script>alert(1)</script>" if at % 2 else 'x" onload="y' for at in ROWS]
    page = page_of(scored(contest, alice, tmp_path, truth, truth, "accuracy"), alice)
    assert "<script>alert" not in page.html


def test_feedback_is_its_owners_and_the_organisers(
    contest: Contest, alice: User, bob: User, staff: User, tmp_path: Path
) -> None:
    truth = [at % 3 for at in ROWS]
    submission = scored(contest, alice, tmp_path, truth, truth, "accuracy")
    assert signed_in(bob).get(f"/submissions/{submission.pk}/").status_code == 404
    assert named_pictures(page_of(submission, staff))


def test_a_score_without_feedback_shows_none(contest: Contest, alice: User) -> None:
    submission = make_submission(contest, alice, status="FINISHED", public_score=0.5)
    assert named_pictures(page_of(submission, alice)) == []
