"""Drawing the public rows of a solution: seeded and stratified, the same on every machine and in any order of rows.

Theory of operation. Rows are put into strata: rows with equal true values where the metric needs classes or
probabilities, tenths of the first target column where it needs numbers. Of each stratum the wanted share is public,
rounded down or up: the strata with the largest remainders round up until the whole solution has its share. Within a
stratum the rows whose SHA-256 of "seed:id" is smallest are public, so nothing but the seed, the ids and the true values
decides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from metrics.catalogue import Columns

BINS = 10
ROWS_PER_BIN = 10  # fewer rows in a bin make a stratum of chance


def draw(ids: Sequence[str], columns: Columns, *, numbers: bool, share: int, seed: int) -> list[bool]:
    """For each row whether it is public. `share` is in percent."""
    digests = [hashlib.sha256(f"{seed}:{identifier}".encode()).digest() for identifier in ids]
    strata = _bins(columns[0], digests) if numbers else _classes(columns)
    public = [False] * len(ids)
    for rows, count in zip(strata, _counts([len(rows) for rows in strata], share), strict=True):
        for row in sorted(rows, key=lambda row: digests[row])[:count]:
            public[row] = True
    return public


def _classes(columns: Columns) -> list[list[int]]:
    strata: dict[tuple[float, ...], list[int]] = {}
    for row, values in enumerate(zip(*columns, strict=True)):
        strata.setdefault(values, []).append(row)
    return [strata[values] for values in sorted(strata)]


def _bins(column: Sequence[float], digests: Sequence[bytes]) -> list[list[int]]:
    """Equally many rows of neighbouring values each; equal values are told apart by their digests."""
    ordered = sorted(range(len(column)), key=lambda row: (column[row], digests[row]))
    bins = max(1, min(BINS, len(ordered) // ROWS_PER_BIN))
    return [ordered[at * len(ordered) // bins : (at + 1) * len(ordered) // bins] for at in range(bins)]


def _counts(sizes: Sequence[int], share: int) -> list[int]:
    """How many of each stratum are public. Together they are the share of all, rounded to the nearest row."""
    counts = [size * share // 100 for size in sizes]
    missing = (2 * sum(sizes) * share + 100) // 200 - sum(counts)
    by_remainder = sorted(range(len(sizes)), key=lambda at: (-(sizes[at] * share % 100), at))
    for at in by_remainder[:missing]:
        counts[at] += 1
    return counts
