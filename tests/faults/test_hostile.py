"""Hostile scripts through the whole way: the right verdict, nothing left behind, nobody else harmed.

One for each verdict, on both databases; tests/corpus has the others.
"""

from __future__ import annotations

import pytest

from tests.faults.leftovers import nothing_is_left
from tests.stack import PERFECT, Stack

pytestmark = [pytest.mark.sandbox, pytest.mark.once, pytest.mark.timeout(300)]

CHILD_EATS_MEMORY = b"""
import subprocess, sys
sys.exit(subprocess.run([sys.executable, "-c", "x = bytearray(10**9)"]).returncode and 1)
"""
WRITES_NAN = b"""
import csv
ids = [row["id"] for row in csv.DictReader(open("/input/test.csv"))]
open("submission.csv", "w").write("id,target\\n" + "".join(f"{i},nan\\n" for i in ids))
"""
LEAVES_CHILDREN = (
    b"""
import os, time
for _ in range(10):
    if os.fork() == 0:
        os.setsid()
        time.sleep(60)
"""
    + PERFECT
)
CASES = {
    "loops": (b"while True: pass", "TIME_LIMIT_EXCEEDED"),
    "forks": (b"# podium: cold\nimport os\nwhile True: os.fork()", "PROCESS_LIMIT_EXCEEDED"),
    "child_eats_memory": (CHILD_EATS_MEMORY, "MEMORY_LIMIT_EXCEEDED"),
    "fills_disk": (
        b"with open('/output/big', 'wb') as f:\n    while True: f.write(b'x' * 10**6)",
        "DISK_LIMIT_EXCEEDED",
    ),
    "floods_log": (b"while True: print('x' * 10**6)", "OUTPUT_LIMIT_EXCEEDED"),
    "exits_137": (b"raise SystemExit(137)", "RUNTIME_ERROR"),
    "writes_nothing": (b"print('done')", "NO_OUTPUT"),
    "writes_nan": (WRITES_NAN, "INVALID_OUTPUT"),
    "leaves_children": (LEAVES_CHILDREN, "SCORED"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_script_gets_its_verdict_and_leaves_nothing(stack: Stack, name: str) -> None:
    program, verdict = CASES[name]
    contest = "hasty" if verdict == "TIME_LIMIT_EXCEEDED" else "tiny"
    judged = stack.wait_verdict(stack.submit(program, contest=contest), within_s=90)
    assert judged["verdict"] == verdict, judged
    nothing_is_left(stack)


SEARCH = b"""
import os, sys
needle = ("id,target," + "Us" + "age").encode()
found, looked = [], 0
for folder, folders, files in os.walk("/"):
    if folder.startswith(("/sys", "/usr")):
        continue
    for name in files:
        path = os.path.join(folder, name)
        if name.lower() in {"solution.csv", "labels.csv"}:
            found.append(path)
        try:
            if os.path.isfile(path) and needle in open(path, "rb").read(1_000_000):
                found.append(path)
            looked += 1
        except OSError:
            pass
for pid in [p for p in os.listdir("/proc") if p.isdigit()]:
    for what in ("environ", "cmdline"):
        try:
            text = open(f"/proc/{pid}/{what}", "rb").read()
        except OSError:
            continue
        if b"PODIUM_SECRET" in text or b"pool_" in text or b"job_" in text or needle in text:
            found.append(f"/proc/{pid}/{what}")
print("looked at", looked, "files; found", found, flush=True)
if found or not looked:
    sys.exit(1)
"""


def test_labels_and_secrets_are_found_nowhere_inside_a_run(stack: Stack) -> None:
    submission = stack.submit(SEARCH + PERFECT)
    judged = stack.wait_verdict(submission, within_s=90)
    with stack.client() as client:
        log = client.get(f"/api/v1/submissions/{submission}/log/").json()["text"]
    assert judged["verdict"] == "SCORED", log
    assert "found []" in log


def test_a_long_run_does_not_hold_up_the_scoring_of_another(stack: Stack) -> None:
    slow = stack.submit(b"import time; time.sleep(8)\n" + PERFECT)
    stack.wait_status(slow, "RUNNING")
    quick = stack.submit(
        b"id,target\n" + b"".join(b"%d,0\n" % n for n in range(16)), filename="p.csv", user="bob"
    )
    assert stack.wait_verdict(quick, user="bob")["verdict"] == "SCORED"
    assert stack.submission(slow)["status"] == "RUNNING"
    with stack.client() as client:
        client.post(f"/api/v1/submissions/{slow}/cancel/")
    assert stack.wait_verdict(slow)["verdict"] == "CANCELLED"
    nothing_is_left(stack)


def test_an_environment_that_is_not_there_waits_without_blocking_and_says_why(stack: Stack) -> None:
    stack.query(
        "from compute.pools import register_environment\n"
        "from contests.models import TaskVersion\n"
        "for v in TaskVersion.objects.all():\n"
        "    v.environments.add(register_environment(name='fortran', version='1'))\n"
    )
    waiting = stack.submit(environment="fortran")
    assert stack.wait_verdict(stack.submit(user="bob"), user="bob")["verdict"] == "SCORED"
    seen = stack.submission(waiting)
    assert (seen["status"], seen["waiting_for"]["environment"]) == ("QUEUED", "fortran")
    with stack.client() as client:
        assert client.post(f"/api/v1/submissions/{waiting}/cancel/").json()["cancelled"]
