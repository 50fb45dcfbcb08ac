"""How scores, durations and sizes are written."""

from __future__ import annotations

import pytest
from django.utils import translation

from contests.models import Contest
from contests.templatetags import podium


@pytest.mark.parametrize(
    ("seconds", "english", "chinese"),
    [
        (None, "–", "–"),
        (0.04, "0.0 s", "0.0 秒"),
        (3.26, "3.3 s", "3.3 秒"),
        (59.4, "59 s", "59 秒"),
        (59.6, "1 minute", "1 分钟"),
        (200, "3 min 20 s", "3 分 20 秒"),
        (600, "10 minutes", "10 分钟"),
        (3600, "1 hour", "1 小时"),
        (7500, "2 h 5 min", "2 小时 5 分"),
    ],
)
def test_durations(seconds: float | None, english: str, chinese: str) -> None:
    with translation.override("en"):
        assert podium.duration(seconds) == english
    with translation.override("zh-hans"):
        assert podium.duration(seconds) == chinese


@pytest.mark.parametrize(
    ("count", "words"),
    [(None, "–"), (0.04, "0 MB"), (4.56, "4.6 MB"), (512, "512 MB"), (1024, "1 GB"), (2560, "2.5 GB")],
)
def test_sizes(count: float | None, words: str) -> None:
    with translation.override("en"):
        assert podium.megabytes(count) == words


def test_a_score_has_the_decimals_of_its_metric_in_every_language() -> None:
    for language in ("en", "zh-hans"):
        with translation.override(language):
            assert podium.score(0.5, 5) == "0.50000"
            assert podium.score(1234.5, 2) == "1234.50"
            assert podium.score(None, 5) == "–"


def test_a_text_falls_back_to_english_where_there_is_no_chinese() -> None:
    contest = Contest(title="Digits", title_zh="数字", summary="Small images")
    with translation.override("zh-hans"):
        assert podium.in_language(contest, "title") == "数字"
        assert podium.in_language(contest, "summary") == "Small images"
    with translation.override("en"):
        assert podium.in_language(contest, "title") == "Digits"


def test_a_meter_stays_within_its_bounds() -> None:
    assert [podium.percent_of(*pair) for pair in ((0, 10), (5, 10), (20, 10), (5, 0), (None, 1))] == [
        0,
        50,
        100,
        0,
        0,
    ]
