"""The geometry of the pictures beside a score: pure functions from a metric's feedback to places in an SVG.

Units are those of the picture's viewBox. Colours are CSS classes, strength is an opacity: nothing inline, so the same
picture is right in light and dark and under the Content-Security-Policy. Words are the template's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

LARGEST_CELL, SMALLEST_CELL, WIDEST = 52, 10, 440  # of a matrix: its cells, and all of them together
MOST_NUMBERED = 12  # classes up to which each cell has its number
_REST = "other"  # as long as the word the template writes
_CHARACTER, _LABEL_CHARACTERS, _GAP = 7, 9, 6
_SLANT = 0.72  # how deep a label reaches that is turned by 45 degrees
_STRONG = 0.55  # from here on a number is written in the paper's colour
_FAINTEST = 0.08  # of a cell that is not empty
PLOT_WIDTH, PLOT_HEIGHT, PLOT_EDGE = 420, 150, 22
ROC_SIDE = 220


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """`true` and `said` name the classes, "" the rest; `share` is that of the true class's rows.

    `tone` is "right", "wrong", or "rest": whether a row predicted as one of the rest was right is not told.
    """

    x: float
    y: float
    count: int
    share: float
    tone: str
    true: str
    said: str

    @property
    def opacity(self) -> float:
        return round(_FAINTEST + (1 - _FAINTEST) * self.share, 3)

    @property
    def strong(self) -> bool:
        return self.share > _STRONG


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    at: float  # the middle of its row or column
    text: str  # "" for the rest
    short: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    width: float
    height: float
    left: float  # where the cells begin (their places count from there); they begin at the top
    cell: float
    numbered: bool
    slanted: bool  # the labels below
    cells: list[Cell]
    labels: list[Label]

    @property
    def side(self) -> float:
        return self.cell * len(self.labels)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A bin of residuals; `low` or `high` is None at the open ends, which hold all that lies further out."""

    x: float
    y: float
    width: float
    height: float
    count: int
    low: float | None
    high: float | None

    @property
    def is_open(self) -> bool:
        return self.low is None or self.high is None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    width: float
    height: float
    base: float
    bars: list[Bar]
    zero: float | None  # where no error at all would stand
    ticks: list[tuple[float, float]]  # (place, value)


def matrix(classes: dict[str, Any]) -> Matrix:
    """A confusion matrix with a row for each true and a column for each predicted class; the last may be the rest."""
    names = [*classes["labels"], *([""] if classes["other"] else [])]
    rows: list[list[int]] = classes["matrix"]
    size = len(names)
    numbered = size <= MOST_NUMBERED
    cell = min(LARGEST_CELL, max(SMALLEST_CELL, WIDEST // size))
    shorts = _shorts(names)
    longest = max(len(short or _REST) for short in shorts)
    slanted = longest * _CHARACTER > cell
    left = longest * _CHARACTER + 2 * _GAP
    below = round((longest * _CHARACTER * _SLANT if slanted else 12) + 2 * _GAP)
    return Matrix(
        width=left + size * cell + 1,
        height=size * cell + below,
        left=left,
        cell=cell,
        numbered=numbered,
        slanted=slanted,
        cells=[
            Cell(
                x=column * cell,
                y=row * cell,
                count=count,
                share=count / (sum(rows[row]) or 1),
                tone="rest" if not names[column] else "right" if row == column else "wrong",
                true=names[row],
                said=names[column],
            )
            for row in range(size)
            for column, count in enumerate(rows[row])
            if count
        ],
        labels=[
            Label(at=at * cell + cell / 2, text=name, short=short)
            for at, (name, short) in enumerate(zip(names, shorts, strict=True))
        ],
    )


def _shorts(names: Sequence[str]) -> list[str]:
    """The names cut to fit: at their ends, or at their beginnings where those are what they have in common."""
    most = _LABEL_CHARACTERS
    heads = [name if len(name) <= most else f"{name[: most - 1]}…" for name in names]
    if len(set(heads)) == len(names):
        return heads
    return [name if len(name) <= most else f"…{name[1 - most :]}" for name in names]


def mistakes(classes: dict[str, Any], most: int = 3) -> list[tuple[int, str, str]]:
    """(rows, true class, predicted class) of what was confused most often, the rest left out."""
    names = classes["labels"]
    found = [
        (count, true, said)
        for true, row in zip(names, classes["matrix"], strict=False)
        for said, count in zip(names, row, strict=False)
        if count and said != true
    ]
    return sorted(found, key=lambda mistake: -mistake[0])[:most]


def bins(residuals: dict[str, Any]) -> list[tuple[float | None, float | None, int]]:
    """(from, to, rows) of each bin; the first and the last are open."""
    edges: list[float] = residuals["edges"]
    return list(zip([None, *edges], [*edges, None], residuals["counts"], strict=True))


def histogram(residuals: dict[str, Any]) -> Histogram | None:
    """A bar's area is its count, for bins differ in width. None when all residuals are the same: nothing to draw."""
    edges: list[float] = residuals["edges"]
    wide = _usual_width(residuals)
    if wide <= 0:
        return None
    low, high = edges[0] - wide, edges[-1] + wide
    base = PLOT_HEIGHT - PLOT_EDGE

    def place(value: float) -> float:
        return round((value - low) / (high - low) * PLOT_WIDTH, 1)

    placed = [
        (place(low if start is None else start), place(high if end is None else end), start, end, count)
        for start, end, count in bins(residuals)
    ]
    densest = max(count / max(1.0, until - x) for x, until, _start, _end, count in placed) or 1
    bars = []
    for x, until, start, end, count in placed:
        height = round(count / max(1.0, until - x) / densest * (base - _GAP), 1)
        bars.append(
            Bar(
                x=x + 1,
                y=base - height,
                width=round(max(1.0, until - x - 2), 1),
                height=height,
                count=count,
                low=start,
                high=end,
            )
        )
    return Histogram(
        width=PLOT_WIDTH,
        height=PLOT_HEIGHT,
        base=base,
        bars=bars,
        zero=place(0.0) if low < 0 < high else None,
        ticks=[(place(value), value) for value in (edges[0], edges[len(edges) // 2], edges[-1])],
    )


def _usual_width(residuals: dict[str, Any]) -> float:
    """Of a bin, which the open ones at both ends are drawn with; 0 when there is nothing to draw."""
    edges: list[float] = residuals["edges"]
    if len(edges) != 1:
        return (edges[-1] - edges[0]) / (len(edges) - 1) if edges else 0.0
    shares: dict[str, float] = residuals["quantiles"]
    return shares["0.95"] - shares["0.05"]


def roc(points: Sequence[Sequence[float]], side: float = ROC_SIDE) -> str:
    """The `points` of a polyline in a square of `side`; "" for no curve."""
    return " ".join(f"{x * side:.1f},{(1 - y) * side:.1f}" for x, y in points)
