"""scoring.json: which metric judges which columns. Built and checked by the site, read by the scorer."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from metrics.catalogue import CATALOGUE, Metric

USAGE_COLUMN = "Usage"
ALL = 100  # percent
ROW_SLACK = 1_000  # rows read beyond the expected ones, so that duplicates and unknown ids can be named


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ScoringSpec:
    """A task's scoring settings. Raises ValueError, with an English sentence, for settings that cannot work.

    `row_limit` caps how many rows of a prediction file are read at all; without it the number of rows in the
    solution plus `ROW_SLACK`. With a `public_share`, in percent, the solution needs no Usage column: the public rows
    are drawn (metrics.split), by `split_seed` the same everywhere.
    """

    metric: str
    id_column: str
    target_columns: tuple[str, ...]
    params: Mapping[str, str] = dataclasses.field(default_factory=dict)
    row_limit: int | None = None
    public_share: int | None = None
    split_seed: int = 0

    def __post_init__(self) -> None:
        if self.metric not in CATALOGUE:
            raise ValueError(f"there is no metric {self.metric!r}; choose one of {', '.join(CATALOGUE)}")
        self.definition.complete(self.params)
        names = (self.id_column, *self.target_columns, USAGE_COLUMN)
        if not self.target_columns or not all(names):
            raise ValueError("a task needs an id column and at least one target column, each with a name")
        if len(set(names)) != len(names):
            raise ValueError(f"the id, target and {USAGE_COLUMN} columns must have different names")
        if len(self.target_columns) > 1 and not self.definition.several_columns:
            raise ValueError(f"{self.metric} takes one target column, not {len(self.target_columns)}")
        if self.row_limit is not None and self.row_limit < 1:
            raise ValueError("row_limit must be at least 1")
        if self.public_share is not None and not 1 <= self.public_share <= ALL:
            raise ValueError("public_share must lie between 1 and 100 percent")

    @property
    def definition(self) -> Metric:
        return CATALOGUE[self.metric]

    def as_json(self) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "metric": self.metric,
            "params": dict(self.params),
            "id_column": self.id_column,
            "target_columns": list(self.target_columns),
        }
        if self.row_limit is not None:
            fields["row_limit"] = self.row_limit
        if self.public_share is not None:
            fields |= {"public_share": self.public_share, "split_seed": self.split_seed}
        return fields

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> ScoringSpec:
        """Raises ValueError, or TypeError for a missing or unknown field."""
        fields = dict(raw)
        fields["target_columns"] = tuple(fields.get("target_columns", ()))
        return cls(**fields)
