"""`-p tests.must_run` turns every skipped test into a failure, but for those tests/may_be_skipped.txt names.

A machine without a browser or a sandbox may skip what needs one; the machine that decides about a change may not, or a
missing package would quietly take the guard away.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

ALLOWED = Path(__file__).with_name("may_be_skipped.txt")


def allowed() -> dict[str, str]:
    """Reasons by node id (or the beginning of node ids)."""
    lines = [line.strip() for line in ALLOWED.read_text(encoding="utf-8").splitlines()]
    pairs = [line.partition("  # ") for line in lines if line and not line.startswith("#")]
    return {node: reason for node, _, reason in pairs}


def judge(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Make a skip a failure unless it is allowed, with a reason."""
    if report.outcome != "skipped" or getattr(report, "wasxfail", None) is not None:
        return
    if any(report.nodeid.startswith(node) and reason for node, reason in allowed().items()):
        return
    report.outcome = "failed"
    report.longrepr = f"skipped, and nothing may be here (tests/may_be_skipped.txt): {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    judge(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    judge(report)
    return report
