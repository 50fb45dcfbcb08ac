"""Programs beside hidden features, through the running site and real sandboxes: they count, and nothing of it leaks."""

from __future__ import annotations

import pytest

from tests.hidden import zipped
from tests.runners.notebook_stage import notebook
from tests.stack import PERFECT, Stack, eventually
from tests.stack_seed import CANARY

pytestmark = [pytest.mark.timeout(600), pytest.mark.sandbox, pytest.mark.once]
READS = "import csv\nrows = list(csv.DictReader(open('/input/test.csv')))\nsecret = rows[0]['note']\n"
# Fails only where the rows are those that are hidden: 16 of them, and 4 in the public sample.
TELLS = f"{READS}print(secret, flush=True)\nopen(f'/output/{{secret}}.txt', 'w').write(secret)\n"
GOES_ON = "open('/output/submission.csv', 'w').write('id,target\\n')\n"
WAYS = {
    "prints it": "import sys\nsys.stderr.write(secret)\nif len(rows) > 4: raise KeyError(secret)\n",
    "raises it by name": "if len(rows) > 4: raise type(secret, (ValueError,), {})(secret)\n",
    "names a module so": (
        "if len(rows) > 4:\n    exec(compile('raise ValueError', f'/submission/{secret}.py', 'exec'))\n"
    ),
    "forges the trace": (
        "import os, json\nif len(rows) > 4:\n"
        "    trace = {'file': secret, 'line': 3, 'exception': secret, 'more': secret}\n"
        "    open('/output/trace.json', 'w').write(json.dumps(trace))\n    os._exit(3)\n"
    ),
    "predicts it": "if len(rows) > 4: open('/output/submission.csv', 'w').write(f'id,target\\n0,{secret}\\n')\n",
}


def fetched(stack: Stack, submission: str) -> str:
    """All that the contestant can ask for."""
    base = f"/api/v1/submissions/{submission}/"
    names = [
        "submission.csv",
        "trace.json",
        "notebook.json",
        "notebook.ipynb",
        "notebook.html",
        f"{CANARY}.txt",
    ]
    with stack.client() as client:
        told = [client.get(f"{base}{part}").text for part in ("", "log/", "usage/", "files/", "feedback/")]
        return "\n".join([*told, *(client.get(f"{base}files/{name}").text for name in names)])


def test_a_script_that_works_is_rehearsed_and_then_scored_on_the_hidden_rows(stack: Stack) -> None:
    submission = stack.submit(PERFECT, contest="secret")
    judged = stack.wait_verdict(submission, within_s=120)
    assert (judged["verdict"], judged["public_score"]) == ("SCORED", 1.0)
    with stack.client() as client:
        assert client.get(f"/api/v1/submissions/{submission}/log/").json()["text"] == "written\n"


@pytest.mark.parametrize("way", WAYS)
def test_no_way_of_a_script_to_tell_a_hidden_cell_reaches_its_owner(stack: Stack, way: str) -> None:
    program = TELLS + GOES_ON + WAYS[way]
    submission = stack.submit(program.encode(), contest="secret")
    judged = stack.wait_verdict(submission, within_s=120)
    assert judged["verdict"] in {"RUNTIME_ERROR", "INVALID_OUTPUT"}
    seen = fetched(stack, submission)
    assert "open" in seen  # the rehearsal's log
    assert CANARY not in seen


def test_the_line_and_the_kind_of_a_failure_are_told(stack: Stack) -> None:
    program = TELLS + GOES_ON + WAYS["raises it by name"]
    submission = stack.submit(program.encode(), contest="secret")
    stack.wait_verdict(submission, within_s=120)
    trace = stack.query(
        "from judge.models import Run; import json\n"
        f"print(json.dumps(Run.objects.get(submission='{submission}').trace, sort_keys=True))"
    )
    line = program.splitlines().index(WAYS["raises it by name"].strip()) + 1
    assert f'"exception": "ValueError", "explained": true, "file": "main.py", "line": {line}' in trace


def test_a_notebook_leaves_its_pages_of_the_rehearsal_alone(stack: Stack) -> None:
    cells = (f"{TELLS}{GOES_ON}", "secret", "if len(rows) > 4: raise type(secret, (ValueError,), {})(secret)")
    submission = stack.submit(notebook(*cells), filename="work.ipynb", contest="secret")
    judged = stack.wait_verdict(submission, within_s=120)
    assert judged["verdict"] == "RUNTIME_ERROR"
    seen = fetched(stack, submission)
    assert "open" in seen
    assert CANARY not in seen
    cell = stack.query(
        f"from judge.models import Run\nprint(Run.objects.get(submission='{submission}').trace)"
    )
    assert "'cell': 3, 'cells': 3" in cell


TRAIN = b"""
import os, pathlib
print("training on", sorted(os.listdir("/input")), flush=True)
pathlib.Path("/model/deep").mkdir()
pathlib.Path("/model/deep/threshold").write_text("0.5")
for place in ("/tmp", "/output", "/dev/shm"):
    pathlib.Path(place, "left_over").write_text("from training")
"""
PREDICT = b"""
import csv, os, pathlib, shapes
for place in ("/tmp", "/output", "/dev/shm"):
    assert not os.path.exists(place + "/left_over"), place
assert sorted(os.listdir("/model")) == ["deep"]
try:
    open("/model/new", "w")
except OSError as error:
    print("read-only", error)
else:
    raise AssertionError("the model is writable")
threshold = float(pathlib.Path("/model/deep/threshold").read_text())
rows = list(csv.DictReader(open("/input/test.csv")))
shapes.write(rows, threshold)
"""
SHAPES = b"""
def write(rows, threshold):
    with open("/output/submission.csv", "w") as file:
        file.write("id,target\\n" + "".join(f"{r['id']},{int(float(r['x']) > threshold)}\\n" for r in rows))
"""
PROJECT = {"train.py": TRAIN, "predict.py": PREDICT, "shapes.py": SHAPES}


@pytest.mark.parametrize("contest", ["secret", "works"])
def test_a_project_trains_and_a_fresh_sandbox_predicts_with_its_model(stack: Stack, contest: str) -> None:
    files = {f"my work/{name}": content for name, content in PROJECT.items()}
    submission = stack.submit(zipped(files), filename="work.zip", contest=contest)
    judged = stack.wait_verdict(submission, within_s=120)
    assert (judged["verdict"], judged["public_score"]) == ("SCORED", 1.0), fetched(stack, submission)
    with stack.client() as client:
        log = client.get(f"/api/v1/submissions/{submission}/log/").json()["text"]
    assert "training on" in log
    assert ("read-only" in log) == (contest == "works")


def test_a_prediction_that_fails_beside_hidden_rows_tells_its_own_line(stack: Stack) -> None:
    predict = f"{TELLS}raise KeyError(secret)\n".encode()
    submission = stack.submit(
        zipped(PROJECT | {"predict.py": predict}), filename="work.zip", contest="secret"
    )
    assert stack.wait_verdict(submission, within_s=120)["verdict"] == "RUNTIME_ERROR"
    assert CANARY not in fetched(stack, submission)
    trace = stack.query(
        f"from judge.models import Run\nprint(Run.objects.get(submission='{submission}').trace)"
    )
    assert "'file': 'predict.py', 'line': 6" in trace
    assert "KeyError" in trace


def test_a_model_that_is_no_plain_files_is_no_model(stack: Stack) -> None:
    train = b"import os\nos.symlink('/etc/passwd', '/model/weights')\n"
    submission = stack.submit(zipped(PROJECT | {"train.py": train}), filename="work.zip", contest="works")
    assert stack.wait_verdict(submission, within_s=120)["verdict"] == "INVALID_OUTPUT"


def test_an_archive_that_breaks_when_it_is_unpacked_is_its_owners_fault(stack: Stack) -> None:
    content = zipped({"train.py": b"print('one')", "predict.py": b"2"}, method=0).replace(b"'one'", b"'two'")
    submission = stack.submit(content, filename="work.zip", contest="works")
    assert stack.wait_verdict(submission, within_s=120)["verdict"] == "RUNTIME_ERROR"
    with stack.client() as client:
        assert "train.py" in client.get(f"/api/v1/submissions/{submission}/log/").json()["text"]


def test_an_agent_killed_between_training_and_prediction_predicts_with_the_same_model(stack: Stack) -> None:
    waits = b"import time\ntime.sleep(4)\n" + PREDICT
    submission = stack.submit(zipped(PROJECT | {"predict.py": waits}), filename="work.zip", contest="works")
    look = (
        "from judge.models import Job\n"
        f"jobs = Job.objects.filter(run__submission='{submission}')\n"
        "print([(job.kind, job.status, job.attempt) for job in jobs])"
    )
    eventually(lambda: "('predict'" in stack.query(look), within_s=60, what="the training has ended")
    stack.wait_restarted("agent", stack.kill("agent"))
    assert stack.wait_verdict(submission, within_s=120)["public_score"] == 1.0
    assert "('train', 'FINISHED', 1)" in stack.query(look)


SLEEPS = b"import time\ntime.sleep(60)\n"
# Waits where its rows are the hidden ones alone.
SLEEPS_BESIDE_HIDDEN = f"{READS}{GOES_ON}import time\nif len(rows) > 4: time.sleep(60)\n".encode()
STAGES = {
    "rehearse": ("main.py", SLEEPS),
    "run": ("main.py", SLEEPS_BESIDE_HIDDEN),
    "train": ("work.zip", zipped(PROJECT | {"train.py": SLEEPS})),
    "predict": ("work.zip", zipped(PROJECT | {"predict.py": SLEEPS})),
}


@pytest.mark.parametrize("stage", STAGES)
def test_it_is_called_back_in_every_stage_and_its_sandbox_ends(stack: Stack, stage: str) -> None:
    filename, content = STAGES[stage]
    submission = stack.submit(content, filename=filename, contest="secret")
    look = (
        "from judge.models import Job\n"
        f"print(Job.objects.filter(run__submission='{submission}', kind='{stage}', status='RUNNING').count())"
    )
    eventually(lambda: stack.query(look).strip() == "1", within_s=60, what=f"{stage} runs")
    with stack.client() as client:
        assert client.post(f"/api/v1/submissions/{submission}/cancel/").json()["cancelled"]
    assert stack.wait_verdict(submission)["verdict"] == "CANCELLED"
    eventually(lambda: not stack.shims(), within_s=15, what="the sandbox is gone")


def test_a_project_is_judged_again_from_its_training_on(stack: Stack) -> None:
    submission = stack.submit(zipped(PROJECT), filename="work.zip", contest="works")
    stack.wait_verdict(submission, within_s=120)
    stack.query(
        "from contests.models import Submission\nfrom judge import rejudging\n"
        f"rejudging.rejudge(Submission.objects.get(pk='{submission}'))"
    )

    def again() -> bool:
        runs = stack.submission(submission)["runs"]
        return len(runs) == 2 and runs[-1]["verdict"] == "SCORED"

    eventually(again, within_s=120, what="the second run is scored")
