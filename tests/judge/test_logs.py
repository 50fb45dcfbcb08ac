"""The log arrives by offset: nothing twice, nothing missing, nothing that acts."""

from __future__ import annotations

import json

import pytest

from contests.models import Submission
from judge import logs
from judge.logs_text import inert, whole
from judge.models import Job
from runners.spec import JobSpec, Limits
from tests.builders import make_contest, make_submission, make_user
from tests.judge.host import Host


@pytest.fixture
def submission(db: None) -> Submission:
    return make_submission(make_contest(limits=Limits(log_kb=1)), make_user())


@pytest.fixture
def spec(submission: Submission) -> JobSpec:
    return Host().must_claim()


def have(spec: JobSpec, offset: int, data: bytes) -> int:
    answer = Host().heartbeat(spec, offset=offset, log=data)
    assert answer.status_code == 200
    return int(json.loads(answer.content)["log_offset"])


def test_chunks_in_order_become_one_text(submission: Submission, spec: JobSpec) -> None:
    assert have(spec, 0, b"one\n") == 4
    assert have(spec, 4, b"two\n") == 8
    part = logs.read(submission)
    assert (part.text, part.end, part.complete) == ("one\ntwo\n", 8, False)
    assert logs.read(submission, after=4).text == "two\n"


def test_a_chunk_sent_twice_or_overlapping_is_kept_once(submission: Submission, spec: JobSpec) -> None:
    have(spec, 0, b"abc")
    assert have(spec, 0, b"abc") == 3
    assert have(spec, 1, b"bcde") == 5
    assert logs.read(submission).text == "abcde"


def test_a_gap_is_answered_with_where_to_continue(submission: Submission, spec: JobSpec) -> None:
    have(spec, 0, b"abc")
    assert have(spec, 10, b"later") == 3
    assert logs.read(submission).text == "abc"


def test_a_log_beyond_its_cap_is_acknowledged_and_dropped(submission: Submission, spec: JobSpec) -> None:
    cap = 1024 + logs.SLACK
    assert have(spec, 0, b"x" * (cap + 500)) == cap
    assert have(spec, cap, b"y" * 500) == cap + 500
    assert Job.objects.get().log_bytes == cap
    assert "y" not in logs.read(submission).text


def test_a_new_attempt_starts_a_new_log(submission: Submission, spec: JobSpec) -> None:
    have(spec, 0, b"first attempt")
    Host().on_job("POST", spec, "give-back", {"attempt": spec.attempt, "reason": "test"})
    again = Host(name="host-2").must_claim()
    have(again, 0, b"second")
    assert logs.read(submission).text == "second"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"\x1b[31mred\x1b[0m", "red"),
        (b"\x1b]8;;http://x\x07link\x1b]8;;\x07", "link"),
        (b"\x1b]52;c;c2VjcmV0\x07clip", "clip"),
        (b"a\x00b\x07c\x08d", "abcd"),
        ("\u202eevil\u2066".encode(), "evil"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"10%\r20%\r\n", "10%\r20%\n"),
        (b"<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("中文 ✓".encode(), "中文 ✓"),
    ],
)
def test_what_a_program_wrote_is_shown_as_inert_text(raw: bytes, shown: str) -> None:
    assert inert(raw) == shown


def test_a_character_cut_by_a_chunk_boundary_waits_for_its_rest() -> None:
    text = "é中😀".encode()
    for cut in range(len(text) + 1):
        head = whole(text[:cut])
        assert head == text[: len(head)]
        assert "\ufffd" not in head.decode()
