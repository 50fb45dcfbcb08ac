"""docs/metrics.md says what the catalogue and the complaints say: its tables are compared line by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from metrics.catalogue import CATALOGUE, Metric
from metrics.check_complaints import CHECK_TEMPLATES
from metrics.complaints import TEMPLATES

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
CELLS = {"labels": "class", "probabilities": "any number, more is likelier", "numbers": "number"}


def metric_rows() -> list[str]:
    head = ["| Slug | Metric | Better | A prediction is | Target columns | Settings | Range | Decimals |"]
    return [*head, "| --- " * 8 + "|", *map(_metric_row, CATALOGUE.values())]


def _metric_row(metric: Metric) -> str:
    settings = "; ".join(
        f"`{param.name}`: {', '.join(param.choices) or 'text'} (default {param.default})"
        for param in metric.params
    )
    cells = (
        f"`{metric.slug}`",
        metric.title,
        "higher" if metric.direction == "maximize" else "lower",
        "probability, 0 to 1" if metric.within_0_1 else CELLS[metric.needs],
        "one or more" if metric.several_columns else "one",
        settings or "–",
        metric.range,
        str(metric.decimals),
    )
    return f"| {' | '.join(cells)} |"


def code_rows(templates: dict[str, str]) -> list[str]:
    return [
        "| Code | Sentence |",
        "| --- | --- |",
        *(f"| `{code}` | {text} |" for code, text in templates.items()),
    ]


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("metrics", metric_rows()),
        ("codes", code_rows(TEMPLATES)),
        ("check codes", code_rows(CHECK_TEMPLATES)),
    ],
)
def test_the_page_has_the_true_table(name: str, rows: list[str]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    written = page.partition(f"<!-- {name} -->\n")[2].partition(f"<!-- end of {name} -->")[0]
    assert written.splitlines() == rows
