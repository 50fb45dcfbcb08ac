"""The rules of handing in, as pure functions."""

from __future__ import annotations

import datetime

import pytest

from contests import rules
from runners.verdict import Verdict

NOON = datetime.datetime(2026, 5, 1, 12, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.py", "script"), ("A.PY", "script"), ("p.csv", "predictions"), ("a.py.txt", None), ("", None)],
)
def test_the_ending_says_the_kind(name: str, kind: str | None) -> None:
    assert rules.kind_of(name) == kind


def test_a_phase_is_open_from_its_first_moment_to_just_before_its_last() -> None:
    assert rules.is_open(NOON, NOON, NOON + HOUR)
    assert not rules.is_open(NOON, NOON - HOUR, NOON)
    assert not rules.is_open(NOON, NOON + HOUR, None)
    assert rules.is_open(NOON, NOON - HOUR, None)


def test_a_day_starts_at_midnight_utc_whatever_the_zone() -> None:
    tokyo = datetime.timezone(datetime.timedelta(hours=9))
    early = datetime.datetime(2026, 5, 2, 1, tzinfo=tokyo)
    assert rules.day_start(early) == datetime.datetime(2026, 5, 1, tzinfo=datetime.UTC)


def test_only_our_own_faults_and_what_was_called_back_in_time_are_free() -> None:
    assert [v for v in Verdict if not rules.costs_quota(v, started=True)] == [Verdict.INTERNAL_ERROR]
    assert {v for v in Verdict if not rules.costs_quota(v, started=False)} == {
        Verdict.INTERNAL_ERROR,
        Verdict.CANCELLED,
    }
    assert rules.costs_quota("", started=False)  # not judged yet


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        ("a.py", "a.py"),
        ("../../x.py", "x.py"),
        ("c:\\x\\y.py", "y.py"),
        ("a\nb.py", "ab.py"),
        ("  two   words.py ", "two words.py"),
        ("\u202egnp.py", "gnp.py"),
        ("", "submission"),
        ("...", "submission"),
        ("x" * 300 + ".py", "x" * 117 + ".py"),
        ("x." + "y" * 300, "x." + "y" * 118),
        ("数" * 300 + ".ipynb", "数" * 78 + ".ipynb"),
        ("🚀" * 300, "🚀" * 60),
    ],
)
def test_a_file_name_is_made_harmless(raw: str, stored: str) -> None:
    assert rules.safe_filename(raw) == stored
