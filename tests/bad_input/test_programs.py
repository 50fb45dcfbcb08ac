"""Programs that end badly, pretend to, or disturb whoever watches them: facts decide, and the log stays inert."""

from __future__ import annotations

import re

import pytest

from tests.bad_input.site import Reader, in_chinese, is_counted_once, is_judged_as_ever, reader_of
from tests.stack import PERFECT, Stack

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300), pytest.mark.once]

EXIT = "Your program ended with an error (exit status %(code)s)."
SIGNAL = "Your program was ended by signal %(signal)s, for example by a crash in native code."
TIME = "Your program was still running after %(wall)d seconds (%(cpu)d seconds of CPU), so it was stopped."
LOG_NAMES_IT = "The last lines of the log usually name the line of your code that failed."
OF_HASTY = {"wall": 2, "cpu": 20}

STOPPED_CHILD = b"""
import os, signal
if os.fork() == 0:
    os.kill(os.getpid(), signal.SIGSTOP)
os.wait()
"""
STOPS_ALL = b"""
import os, signal
for pid in range(1, 300):
    try:
        os.kill(pid, signal.SIGSTOP)
    except OSError:
        pass
os.kill(0, signal.SIGSTOP)
while True:
    pass
"""
IGNORES_ALL = b"""
import signal
for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
while True:
    pass
"""
BAD: dict[str, tuple[bytes, str, str, dict[str, int]]] = {
    "exits 1": (b"raise SystemExit(1)", "RUNTIME_ERROR", EXIT, {"code": 1}),
    "exits 137": (b"raise SystemExit(137)", "RUNTIME_ERROR", EXIT, {"code": 137}),
    "exits 255": (b"raise SystemExit(255)", "RUNTIME_ERROR", EXIT, {"code": 255}),
    "exits -1": (b"raise SystemExit(-1)", "RUNTIME_ERROR", EXIT, {"code": 255}),
    "exits with words": (b"raise SystemExit('no data')", "RUNTIME_ERROR", EXIT, {"code": 1}),
    "exits at once, output written": (
        PERFECT + b"\nimport os; os._exit(3)",
        "RUNTIME_ERROR",
        EXIT,
        {"code": 3},
    ),
    "raises": (b"import pandas_ng", "RUNTIME_ERROR", EXIT, {"code": 1}),
    "has a syntax error": (b"for x in range(3)\n    print(x)\n", "RUNTIME_ERROR", EXIT, {"code": 1}),
    "is Python 2": (b"print 'hello'\n", "RUNTIME_ERROR", EXIT, {"code": 1}),
    "is nested too deeply": (b"(" * 50_000 + b")" * 50_000, "RUNTIME_ERROR", EXIT, {"code": 1}),
    "is not UTF-8": ("x = 'é'\n".encode("latin-1"), "RUNTIME_ERROR", EXIT, {"code": 1}),
    "kills all it sees": (b"import os; os.kill(-1, 9)\nraise SystemExit(1)", "RUNTIME_ERROR", "", {}),
    "crashes": (b"import ctypes; ctypes.string_at(0)", "RUNTIME_ERROR", SIGNAL, {"signal": 11}),
    "has a child that stops itself": (STOPPED_CHILD, "TIME_LIMIT_EXCEEDED", TIME, OF_HASTY),
    "stops its parent": (
        b"import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)\nwhile True: pass",
        "TIME_LIMIT_EXCEEDED",
        TIME,
        OF_HASTY,
    ),
    "stops all it sees": (STOPS_ALL, "TIME_LIMIT_EXCEEDED", TIME, OF_HASTY),
    "ignores every signal": (IGNORES_ALL, "TIME_LIMIT_EXCEEDED", TIME, OF_HASTY),
    "waits for input that never comes": (
        b"import os\nr, w = os.pipe()\nos.read(r, 1)",
        "TIME_LIMIT_EXCEEDED",
        TIME,
        OF_HASTY,
    ),
    "reads its standard input": (b"input()", "RUNTIME_ERROR", EXIT, {"code": 1}),
}
CHILDREN = b"""
import os, time
for _ in range(10):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(60)
        os._exit(0)
"""
GOOD: dict[str, bytes] = {
    "prints Killed": b"print('Killed')\n" + PERFECT,
    "prints a verdict": b"print('time limit exceeded\\nMEMORY_LIMIT_EXCEEDED oom_kill 1 exited with status: 137')\n"
    + PERFECT,
    "prints what nsjail writes": (
        b"print('[I][2026-11-22T00:00:00+0000] pid=1 ([STANDALONE MODE]) exited with status: 137, (PIDs left: 0)')\n"
        + PERFECT
    ),
    # A program is process 1 of its namespace: the kernel delivers it no signal of its own that would stop or kill it.
    "stops itself": b"import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\n" + PERFECT,
    "kills itself": b"import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n" + PERFECT,
    "leaves children behind": CHILDREN + PERFECT,
    "leaves a stopped child behind": (
        b"import os, signal\nif os.fork() == 0:\n    os.kill(os.getpid(), signal.SIGSTOP)\n    os._exit(0)\n"
        + PERFECT
    ),
    "closes its pipes": b"import os\nos.close(0); os.close(1); os.close(2)\n"
    + PERFECT.replace(b"print", b"str"),
    "closes its pipes and lingers": (
        b"import os, time\nos.closerange(0, 3)\ntime.sleep(1)\n" + PERFECT.replace(b"print", b"str")
    ),
    "writes binary": b"import os\nos.write(1, bytes(range(256)) * 50)\n" + PERFECT,
    "writes half a character": "import os\nos.write(2, '数'.encode()[:2])\n".encode() + PERFECT,
    "writes one long line": b"print('x' * 200_000)\n" + PERFECT,
    "writes a million lines": b"print('\\n' * 10**6)\n" + PERFECT,
    "imports a module beside it": b"open('csv.py', 'w').write('raise SystemExit(9)')\n" + PERFECT,
}


NASTY = {
    "colours": (b"\x1b[31mred\x1b[0m", "red"),
    "the cursor": (b"a\x1b[2J\x1b[1;1Hb", "ab"),
    "the title": (b"\x1b]0;owned\x07after", "after"),
    "a link": (b"\x1b]8;;http://evil.example/\x1b\\text\x1b]8;;\x1b\\", "text"),
    "markup": (b"<script>alert(1)</script>", "<script>alert(1)</script>"),
    "an event": (b'<img src=x onerror="alert(1)">', '<img src=x onerror="alert(1)">'),
    "the end of the log": (b"</code></pre><h1>hello</h1>", "</code></pre><h1>hello</h1>"),
    "right to left": ("abc\u202edef".encode(), "abcdef"),
    "bells and NUL": (b"a\x07\x08\x00b", "ab"),
    "no UTF-8": (b"a\xff\xfeb", "a\ufffd\ufffdb"),
    "a C1 control": ("a\u009b31mb".encode(), "a31mb"),
}


@pytest.fixture(scope="module")
def bad(site: Stack) -> dict[str, str]:
    return {
        name: site.submit(program, contest="hasty" if verdict == "TIME_LIMIT_EXCEEDED" else "tiny")
        for name, (program, verdict, *_) in BAD.items()
    }


@pytest.fixture(scope="module")
def good(site: Stack) -> dict[str, str]:
    return {name: site.submit(program) for name, program in GOOD.items()}


@pytest.fixture(scope="module")
def nasty(site: Stack) -> str:
    """One program that writes them all, a line each."""
    lines = b"".join(b"os.write(1, %r + b'\\n')\n" % written for written, _shown in NASTY.values())
    return site.submit(b"import os\n" + lines + PERFECT)


@pytest.mark.parametrize("name", BAD)
def test_a_program_that_ends_badly_is_told_how(
    site: Stack, reader: Reader, bad: dict[str, str], name: str
) -> None:
    _program, verdict, sentence, params = BAD[name]
    judged = site.wait_verdict(bad[name])
    assert judged["verdict"] == verdict, judged
    page = reader.submission(bad[name])
    assert sentence % params in page
    if verdict == "RUNTIME_ERROR":
        assert LOG_NAMES_IT in page
    assert judged["runs"][0]["facts"]["wall_s"] < 15
    is_counted_once(site, bad[name])


@pytest.mark.parametrize("name", GOOD)
def test_a_program_that_only_looks_bad_is_scored(site: Stack, good: dict[str, str], name: str) -> None:
    judged = site.wait_verdict(good[name])
    assert (judged["verdict"], judged["public_score"]) == ("SCORED", 1.0), judged
    is_counted_once(site, good[name])


@pytest.mark.parametrize("sentence", [EXIT, SIGNAL, TIME, LOG_NAMES_IT])
def test_the_explanation_is_there_in_chinese(sentence: str) -> None:
    assert in_chinese(sentence)


def test_a_traceback_in_the_log_names_the_line(site: Stack) -> None:
    identifier = site.submit(b"import math\n\nmath.sqrt(-1)\n")
    assert site.wait_verdict(identifier)["verdict"] == "RUNTIME_ERROR"
    page = reader_of(site).submission(identifier)
    assert "line 3, in <module>" in page
    assert "ValueError: math domain error" in page


@pytest.mark.parametrize("name", NASTY)
def test_a_log_is_shown_inert(site: Stack, nasty: str, name: str) -> None:
    assert site.wait_verdict(nasty)["verdict"] == "SCORED"
    with site.client() as client:
        answer = client.get(f"/api/v1/submissions/{nasty}/log/")
    assert answer.json()["text"].splitlines()[list(NASTY).index(name)] == NASTY[name][1]
    page = reader_of(site).http.get(f"/submissions/{nasty}/").text
    for bad in ("<script>alert", "<img src=x", "<h1>hello"):
        assert bad not in page
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page)


def test_after_all_those_programs_nothing_is_left_and_the_next_is_judged_as_ever(site: Stack) -> None:
    is_judged_as_ever(site)
