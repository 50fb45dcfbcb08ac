"""What a program leaves where its predictions should be: anything but a plain file of sane size is no output."""

from __future__ import annotations

import pytest

from tests.bad_input.site import MIB, Reader, in_chinese, is_counted_once, is_judged_as_ever
from tests.stack import PERFECT, Stack

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300), pytest.mark.once]

ODD = "/output/submission.csv is not an ordinary file, so it was not read."
FULL = "Your program filled the %(mb)d MB it may write to /output and /tmp, or made more than %(files)d files there."
BIG = "Your program wrote a submission.csv larger than %(mb)d MB, or flooded its log."
NONE = "Your program ended without an error but left no file /output/submission.csv."
FORM = "The predictions do not have the form this task asks for. The mistakes are listed below."

# The limits of `tiny`: 64 MB and 2,000 files to write, 8 MB to hand back.
CASES: dict[str, tuple[bytes, str, str]] = {
    "a link to the host": (b"import os; os.symlink('/etc/passwd', 'submission.csv')", "INVALID_OUTPUT", ODD),
    "a link to its own input": (
        b"import os; os.symlink('/input/test.csv', 'submission.csv')",
        "INVALID_OUTPUT",
        ODD,
    ),
    "a link to nothing": (b"import os; os.symlink('nowhere', 'submission.csv')", "INVALID_OUTPUT", ODD),
    "a link to itself": (b"import os; os.symlink('submission.csv', 'submission.csv')", "INVALID_OUTPUT", ODD),
    "a second name of its input": (
        b"import os\ntry: os.link('/input/test.csv', 'submission.csv')\nexcept OSError as e: print(e)",
        "NO_OUTPUT",
        NONE,
    ),
    "a FIFO": (b"import os; os.mkfifo('submission.csv')", "INVALID_OUTPUT", ODD),
    "a directory": (b"import os; os.makedirs('submission.csv/a/b')", "INVALID_OUTPUT", ODD),
    "a socket": (
        b"import socket; socket.socket(socket.AF_UNIX).bind('submission.csv')",
        "INVALID_OUTPUT",
        ODD,
    ),
    "an empty file": (b"open('submission.csv', 'w').close()", "INVALID_OUTPUT", FORM),
    "nothing": (b"print('done')", "NO_OUTPUT", NONE),
    "another name": (b"open('Submission.csv', 'w').write('id,target\\n')", "NO_OUTPUT", NONE),
    "another folder": (b"open('/tmp/submission.csv', 'w').write('id,target\\n')", "NO_OUTPUT", NONE),
    "removed again": (PERFECT + b"\nimport os; os.remove('submission.csv')", "NO_OUTPUT", NONE),
    "ten million files": (b"for n in range(10**7): open(f'f{n}', 'w').close()", "DISK_LIMIT_EXCEEDED", FULL),
    "ten million folders": (
        b"import os\nfor n in range(10**7): os.mkdir(f'/tmp/{n}')",
        "DISK_LIMIT_EXCEEDED",
        FULL,
    ),
    "folders without end": (
        b"import os\nwhile True:\n    os.mkdir('d'); os.chdir('d')",
        "DISK_LIMIT_EXCEEDED",
        FULL,
    ),
    "a written line of 2 GB": (
        b"f = open('submission.csv', 'wb')\nf.write(b'id,target\\n0,')\nfor _ in range(2048): f.write(b'1' * 2**20)",
        "DISK_LIMIT_EXCEEDED",
        FULL,
    ),
    "a sparse line of 2 GB": (
        b"with open('submission.csv', 'wb') as f:\n    f.write(b'id,target\\n0,'); f.truncate(2**31)",
        "OUTPUT_LIMIT_EXCEEDED",
        BIG,
    ),
    "a line of 7 MB": (
        b"open('submission.csv', 'wb').write(b'id,target\\n0,' + b'1' * 7_000_000)",
        "INVALID_OUTPUT",
        FORM,
    ),
    "twenty MB": (b"open('submission.csv', 'wb').write(b'0,1\\n' * 5_000_000)", "OUTPUT_LIMIT_EXCEEDED", BIG),
}
LIMIT_OF = {FULL: {"mb": 64, "files": 2000}, BIG: {"mb": 8}}


@pytest.fixture(scope="module")
def handed(site: Stack) -> dict[str, str]:
    return {name: site.submit(program) for name, (program, *_) in CASES.items()}


@pytest.mark.parametrize("name", CASES)
def test_what_is_no_plain_file_gets_its_verdict(
    site: Stack, reader: Reader, handed: dict[str, str], name: str
) -> None:
    _program, verdict, sentence = CASES[name]
    judged = site.wait_verdict(handed[name])
    assert judged["verdict"] == verdict, judged
    assert judged["runs"][0]["facts"]["wall_s"] < 30
    params = LIMIT_OF.get(sentence)
    assert (sentence % params if params else sentence) in reader.submission(handed[name])
    is_counted_once(site, handed[name])


@pytest.mark.parametrize("sentence", [ODD, FULL, BIG, NONE, FORM])
def test_the_explanation_is_there_in_chinese(sentence: str) -> None:
    assert in_chinese(sentence)


def test_what_lies_beside_the_predictions_does_no_harm(site: Stack) -> None:
    clutter = (
        b"import os\nos.mkfifo('pipe'); os.symlink('/etc/passwd', 'passwd.txt'); os.makedirs('a/b')\n"
        b"for n in range(1500): open(f'f{n}.txt', 'w').close()\n"
    )
    identifier = site.submit(clutter + PERFECT)
    judged = site.wait_verdict(identifier)
    assert judged["verdict"] == "SCORED", judged
    kept = [file["name"] for file in judged["runs"][0]["files"]]
    assert "submission.csv" in kept
    assert not {"pipe", "passwd.txt", "a"} & set(kept)
    assert sum(file["size"] for file in judged["runs"][0]["files"]) < MIB


def test_after_all_those_outputs_nothing_is_left_and_the_next_is_judged_as_ever(site: Stack) -> None:
    is_judged_as_ever(site)
