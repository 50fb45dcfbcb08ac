"""What the database would do for each query of a way, told by its planner; and, on SQLite, how many steps it took.

Steps of SQLite's virtual machine are counted, not milliseconds: the same on every machine, however busy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from django.db import connection

BIG = frozenset(
    {
        "accounts_user",
        "contests_blob",
        "contests_participation",
        "contests_submission",
        "contests_team",
        "judge_job",
        "judge_logchunk",
        "judge_run",
        "judge_runfile",
        "judge_turn",
        "judge_usagesample",
        "leaderboard_boardentry",
        "leaderboard_score",
        "leaderboard_scoreevent",
    }
)
READS = re.compile(r"\s*(SELECT|UPDATE|DELETE)\b")
LIMITED = re.compile(r" LIMIT \S+( OFFSET \S+)?(\) subquery)?$")
STEP = 50


@contextmanager
def planned(scans: dict[str, list[str]]) -> Iterator[list[str]]:
    """Gather the scans of big tables, by query, and all queries of what runs inside."""
    queries: list[str] = []

    def look(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001 - as Django calls it
        queries.append(sql)
        if not many and READS.match(sql) and (found := _scans(sql, params)):
            scans[sql] = found
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield queries


def _scans(sql: str, params: Any) -> list[str]:
    with closing(connection.create_cursor()) as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
            (told,) = cursor.fetchone()
            return list(_of_postgresql(told[0]["Plan"], ends_early=False))
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params or ())
        return list(_of_sqlite(sql, [row[3] for row in cursor.fetchall()]))


def _of_sqlite(sql: str, lines: list[str]) -> Iterator[str]:
    """In the order of an index and up to a LIMIT is no pass over a table; sorting or counting all of it is."""
    ends_early = bool(LIMITED.search(sql)) and not any("TEMP B-TREE" in line for line in lines)
    aliases = dict(re.findall(r'"(\w+)" (U\d+|T\d+)\b', sql))
    names = {alias: table for table, alias in aliases.items()}
    for line in lines:
        if not (found := re.match(r"SCAN (\w+)", line)):
            continue
        table = names.get(found[1], found[1])
        if table in BIG and not ends_early:
            yield line


def _of_postgresql(plan: dict[str, Any], *, ends_early: bool) -> Iterator[str]:
    kind, table = plan["Node Type"], plan.get("Relation Name")
    if kind == "Limit":
        ends_early = True
    elif kind in {"Sort", "Aggregate", "Hash", "Incremental Sort", "WindowAgg"}:
        ends_early = False
    whole = kind == "Seq Scan" or (
        kind in {"Index Scan", "Index Only Scan"} and "Index Cond" not in plan and not ends_early
    )
    if table in BIG and whole:
        yield f"{kind} on {table}"
    for part in plan.get("Plans", ()):
        yield from _of_postgresql(part, ends_early=ends_early)


@contextmanager
def counted(steps: list[int]) -> Iterator[None]:
    """Append how many steps SQLite took for what runs inside; 0 on PostgreSQL, which counts none."""
    connection.ensure_connection()
    if connection.vendor != "sqlite":
        yield
        steps.append(0)
        return
    taken = 0

    def step() -> int:
        nonlocal taken
        taken += STEP
        return 0

    connection.connection.set_progress_handler(step, STEP)
    try:
        yield
    finally:
        connection.connection.set_progress_handler(None, STEP)
        steps.append(taken)
