"""Beside hidden data: what an agent keeps to itself, what it unpacks, and the trace of a program that failed there."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from runners.spec import InputFile, JobKind
from runners.traced import bundle as traced
from tests.runners.agent_stage import ENVIRONMENT, AgentStage, stage, until
from tests.runners.site_stand_in import HeldJob

pytestmark = pytest.mark.sandbox


@pytest.fixture(name="on")
def _on(tmp_path: Path) -> Iterator[AgentStage]:
    with stage(tmp_path) as staged:
        yield staged


def zipped(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def tree(on: AgentStage, job: HeldJob, path: str, content: bytes) -> None:
    """Give the job an archive that is to be unpacked at `path`."""
    digest = hashlib.sha256(content).hexdigest()
    on.site.blobs[digest] = content
    job.fields["inputs"] += (InputFile(path=path, sha256=digest, size=len(content), unpack=True),)


LEAKS = """
import sys, time
print("secret", flush=True)
sys.stderr.write("secret")
for name in ("submission.csv", "trace.json", "secret.txt"):
    open(name, "w").write("secret")
held = bytearray(40_000_000)
time.sleep(2.5)
"""


def test_of_a_withheld_run_only_the_required_and_the_kept_file_leave_the_host(on: AgentStage) -> None:
    job = on.site.add_job(LEAKS, environment=ENVIRONMENT, heartbeat_s=0.3)
    job.fields |= {"withheld": True, "kept": ("trace.json",)}
    on.start_agent()
    on.finished(job)
    assert bytes(job.log) == b""
    assert job.samples == []
    assert len(job.beats) > 2  # it was alive, and said nothing
    assert job.finishes[0]["log_bytes"] == 0
    assert {file["name"] for file in job.finishes[0]["files"]} == {"submission.csv", "trace.json"}
    assert len(job.files) == 1  # both have the same content, and no other was sent
    assert "secret" not in on.agent_log()
    on.nothing_left()


def test_the_same_run_with_its_words_shown_sends_them(on: AgentStage) -> None:
    job = on.site.add_job(LEAKS, environment=ENVIRONMENT, heartbeat_s=0.3)
    on.start_agent()
    on.finished(job)
    assert b"secret" in job.log
    assert job.samples
    assert "secret.txt" in {file["name"] for file in job.finishes[0]["files"]}


WALKS = """
import os
with open("submission.csv", "w") as out:
    for folder, folders, names in sorted(os.walk("/model")):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            out.write(f"{path} {open(path).read()} {oct(os.stat(path).st_mode & 0o777)}\\n")
    for path in ("/model/new", "/model/deep/new", "/model/a"):
        try:
            open(path, "w")
        except OSError:
            out.write("read-only\\n")
"""


def test_an_archive_lies_unpacked_and_read_only_where_the_job_wants_it(on: AgentStage) -> None:
    job = on.site.add_job(WALKS, environment=ENVIRONMENT)
    tree(on, job, "/model", zipped({"a": b"1", "deep/b": b"2"}))
    on.start_agent()
    on.finished(job)
    assert job.output("submission.csv").decode() == (
        "/model/a 1 0o444\n/model/deep/b 2 0o444\nread-only\nread-only\nread-only\n"
    )
    on.nothing_left()


def test_an_archive_that_cannot_be_unpacked_ends_the_run_as_its_owners_fault(on: AgentStage) -> None:
    job = on.site.add_job("", environment=ENVIRONMENT)
    tree(on, job, "/model", zipped({"a": b"one"}).replace(b"one", b"two"))
    on.start_agent()
    on.finished(job)
    assert (job.facts["exit_code"], job.finishes[0]["files"]) == (1, [])
    assert b"cannot be unpacked: damaged: 'a'" in job.log
    on.nothing_left()


def test_an_archive_that_would_write_outside_writes_nothing_outside(on: AgentStage) -> None:
    job = on.site.add_job("", environment=ENVIRONMENT)
    tree(on, job, "/model", zipped({"../../../evil": b"x"}))
    on.start_agent()
    on.finished(job)
    assert job.facts["exit_code"] == 1
    on.nothing_left()
    assert not list(on.agent_dir.parent.rglob("evil"))


def test_a_tree_comes_back_whole_as_one_archive(on: AgentStage) -> None:
    program = (
        "import os\nos.makedirs('/model/d')\nopen('/model/d/w', 'w').write('1')\nopen('x', 'w').write('x')"
    )
    job = on.site.add_job(program, environment=ENVIRONMENT)
    job.fields |= {"kind": JobKind.TRAIN, "tree": "/model", "required_output": "model.zip"}
    on.start_agent()
    on.finished(job)
    assert job.facts["output"] == "ok"
    with zipfile.ZipFile(io.BytesIO(job.output("model.zip"))) as archive:
        assert {info.filename: archive.read(info) for info in archive.infolist()} == {"d/w": b"1"}


# The traced runner


def traced_run(on: AgentStage, program: str, **files: bytes) -> HeldJob:
    runner = {traced.PROGRAM: traced.build_zipapp()}
    more = {f"/submission/{name}.py": content for name, content in files.items()}
    job = on.site.add_job(program, environment=ENVIRONMENT, inputs=runner | more)
    job.fields |= {"kept": (traced.TRACE,), "argv": traced.argv("/submission/main.py")}
    on.start_agent()
    return on.finished(job)


def trace_of(job: HeldJob) -> dict[str, object]:
    found: dict[str, object] = json.loads(job.output(traced.TRACE))
    return found


@pytest.mark.parametrize(
    ("program", "told", "code"),
    [
        ("x = 1\n{}['k']\n", {"file": "main.py", "line": 2, "exception": "KeyError"}, 1),
        ("x = (\n", {"file": "main.py", "line": 1, "exception": "SyntaxError"}, 1),
        ("class Mine(ValueError): pass\nraise Mine('secret')", {"line": 2, "exception": "ValueError"}, 1),
        ("class Mine(BaseException): pass\nraise Mine", {"line": 2, "exception": "BaseException"}, 1),
        ("import json\njson.loads('{')", {"line": 2, "exception": "json.decoder.JSONDecodeError"}, 1),
        ("import part\n\npart.run()", {"file": "part.py", "line": 2, "exception": "ZeroDivisionError"}, 1),
        ("import sys\nsys.exit(3)", {"line": 2, "exception": "SystemExit"}, 3),
        ("def f(): f()\nf()", {"line": 1, "exception": "RecursionError"}, 1),
    ],
)
def test_an_exception_is_told_by_own_line_and_nearest_known_class(
    on: AgentStage, program: str, told: dict[str, object], code: int
) -> None:
    job = traced_run(on, program, part=b"def run():\n    1 / 0\n")
    assert trace_of(job) == {"file": "main.py"} | told
    assert job.facts["exit_code"] == code
    assert b"secret" not in job.output(traced.TRACE)


@pytest.mark.parametrize(
    "program", ["", "import sys\nsys.exit()", "import sys\nsys.exit(0)", "import os\nos._exit(4)"]
)
def test_a_program_that_no_exception_ends_leaves_no_trace(on: AgentStage, program: str) -> None:
    job = traced_run(on, program)
    assert job.finishes[0]["files"] == []


PLAIN = """
import __main__, os, pickle, sys, multiprocessing

class Kept: pass

def square(x): return x * x

if __name__ == "__main__":
    import json
    seen = {
        "file": __file__, "argv": sys.argv, "path": sys.path[0], "cwd": os.getcwd(),
        "is main": __main__.Kept is Kept, "names": sorted(n for n in vars(__main__) if n.startswith("__")),
        "stdin": sys.stdin.read(), "runners": sorted(n for n in sys.modules if n.startswith("runners")),
        "pickled": pickle.loads(pickle.dumps(Kept())).__class__ is Kept,
    }
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        seen["spawned"] = pool.map(square, [2, 3])
    open("/output/submission.csv", "w").write(json.dumps(seen))
"""


def test_all_else_is_as_in_a_plain_run(on: AgentStage) -> None:
    shown = json.loads(traced_run(on, PLAIN).output("submission.csv"))
    job = on.site.add_job(PLAIN, environment=ENVIRONMENT)
    plain = json.loads(on.finished(job).output("submission.csv"))
    assert shown == plain
    assert shown["spawned"] == [4, 9]
    until(lambda: not on.runs(), "run directories removed")
