"""The geometry of the pictures beside a score."""

from __future__ import annotations

from typing import Any

from judge import pictures

CLASSES: dict[str, Any] = {
    "labels": ["cat", "dog"],
    "other": True,
    "matrix": [[30, 10, 0], [0, 20, 0], [0, 0, 0]],
    "per_class": [],
}
RESIDUALS = {"edges": [-1.0, 0.0, 1.0], "counts": [2, 8, 4, 1], "quantiles": {}}


def many(size: int) -> dict[str, Any]:
    matrix = [[int(row == column) for column in range(size)] for row in range(size)]
    return {"labels": [f"class number {at}" for at in range(size)], "other": False, "matrix": matrix}


def test_a_cell_stands_in_the_row_of_its_true_and_the_column_of_its_predicted_class() -> None:
    picture = pictures.matrix(CLASSES)
    assert [(cell.true, cell.said, cell.count) for cell in picture.cells] == [
        ("cat", "cat", 30),
        ("cat", "dog", 10),
        ("dog", "dog", 20),
    ]
    wrong = picture.cells[1]
    assert (wrong.x, wrong.y) == (picture.cell, 0)
    assert [cell.tone for cell in picture.cells] == ["right", "wrong", "right"]


def test_the_strength_of_a_colour_is_the_part_of_the_row() -> None:
    strongest, faint, whole = pictures.matrix(CLASSES).cells
    assert faint.opacity < strongest.opacity < whole.opacity == 1.0
    assert strongest.strong
    assert not faint.strong


def test_of_what_was_predicted_as_the_rest_it_is_not_told_whether_it_was_right() -> None:
    rest = CLASSES | {"matrix": [[1, 0, 3], [0, 1, 0], [2, 0, 7]]}
    assert [cell.tone for cell in pictures.matrix(rest).cells] == ["right", "rest", "right", "wrong", "rest"]


def test_everything_of_a_matrix_lies_within_its_picture() -> None:
    for size in (2, 10, 12, 13, 41):
        picture = pictures.matrix(many(size))
        assert picture.width <= 560
        assert picture.left + picture.side <= picture.width
        assert picture.side < picture.height
        assert all(cell.x + picture.cell <= picture.side for cell in picture.cells)
        assert picture.numbered == (size <= pictures.MOST_NUMBERED)


def test_long_names_are_cut_in_the_picture_and_turned_below_it() -> None:
    picture = pictures.matrix(many(12))
    assert picture.slanted
    assert picture.labels[11].short == "…umber 11", "the ends are what tells them apart"
    names = {"labels": ["Iris setosa", "Iris virginica"], "other": False, "matrix": [[1, 0], [0, 1]]}
    assert [label.short for label in pictures.matrix(names).labels] == ["Iris set…", "Iris vir…"]
    assert not pictures.matrix(CLASSES).slanted


def test_the_worst_mistakes_come_first() -> None:
    classes = {"labels": ["a", "b", "c"], "matrix": [[9, 1, 4], [2, 9, 0], [0, 7, 9]]}
    assert pictures.mistakes(classes) == [(7, "c", "b"), (4, "a", "c"), (2, "b", "a")]
    assert pictures.mistakes(CLASSES | {"matrix": [[1, 0, 5], [0, 1, 5], [0, 0, 0]]}) == []


def test_bars_stand_side_by_side_and_the_tallest_is_the_fullest() -> None:
    picture = pictures.histogram(RESIDUALS)
    assert picture is not None
    assert [bar.count for bar in picture.bars] == [2, 8, 4, 1]
    assert [(bar.low, bar.high) for bar in picture.bars] == [
        (None, -1.0),
        (-1.0, 0.0),
        (0.0, 1.0),
        (1.0, None),
    ]
    assert all(
        bar.x + bar.width <= after.x for bar, after in zip(picture.bars, picture.bars[1:], strict=False)
    )
    assert max(picture.bars, key=lambda bar: bar.height).count == 8
    assert all(bar.y + bar.height == picture.base for bar in picture.bars)
    assert picture.zero == pictures.PLOT_WIDTH / 2


def test_a_wide_bar_is_as_low_as_it_is_wide() -> None:
    picture = pictures.histogram({"edges": [0.0, 1.0, 4.0], "counts": [6, 6, 18, 6]})
    assert picture is not None
    _, narrow, wide, _ = picture.bars
    assert wide.width > 2.9 * narrow.width
    assert abs(wide.height - narrow.height) < 1


def test_two_bars_are_drawn_as_wide_as_most_residuals_spread() -> None:
    picture = pictures.histogram(
        {"edges": [1.0], "counts": [6, 14], "quantiles": {"0.05": -1.0, "0.95": 3.0}}
    )
    assert picture is not None
    assert [bar.count for bar in picture.bars] == [6, 14]
    assert [(bar.low, bar.high) for bar in picture.bars] == [(None, 1.0), (1.0, None)]


def test_zero_is_marked_only_where_it_lies_in_the_picture() -> None:
    picture = pictures.histogram(RESIDUALS | {"edges": [10.0, 11.0, 12.0]})
    assert picture is not None
    assert picture.zero is None


def test_equal_residuals_are_not_drawn() -> None:
    assert pictures.histogram({"edges": [0.0, 0.0, 0.0], "counts": [0, 0, 0, 20]}) is None


def test_a_roc_curve_rises_from_the_lower_left_to_the_upper_right() -> None:
    assert pictures.roc([[0.0, 0.0], [0.5, 0.75], [1.0, 1.0]], side=100) == "0.0,100.0 50.0,25.0 100.0,0.0"
    assert pictures.roc([]) == ""
