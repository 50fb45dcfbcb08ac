"""Projects: refused at upload by what their table of contents says, trained and predicted as two jobs."""

from __future__ import annotations

import json
import stat
import zipfile

import pytest

from contests import blobs
from contests.models import Blob, Submission, TaskVersion
from judge import cancel, intake, quotas, rejudging, usage
from judge.logs import read
from judge.models import Job, Run, RunFile
from judge.verdicts import explain
from runners.spec import JobKind, Limits
from runners.verdict import KillReason, OutputState
from tests.builders import make_contest, make_facts, make_user, phase_of, task_version_of
from tests.hidden import PROJECT, hand_in, zipped
from tests.judge.host import Host

pytestmark = pytest.mark.django_db
KINDS = ("script", "project")
MODEL = zipped({"model.bin": b"weights"})


def refused(name: str, content: bytes, kinds: tuple[str, ...] = KINDS) -> str:
    with pytest.raises(intake.Rejected) as caught:
        hand_in(make_contest(kinds=kinds), make_user(), name, content)
    assert not Submission.objects.exists()
    return caught.value.message


def linked() -> bytes:
    info = zipfile.ZipInfo("data")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return zipped({**PROJECT, info: b"/etc/passwd"})  # type: ignore[dict-item]


# What is refused


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (zipped({**PROJECT, "../evil.py": b""}), "../evil.py"),
        (zipped({**PROJECT, "/etc/cron.d/evil": b""}), "/etc/cron.d/evil"),
        (zipped({**PROJECT, "a\\b": b""}), "a\\b"),
        (zipped({**PROJECT, "a\nb": b""}), "a\N{REPLACEMENT CHARACTER}b"),
        (zipped({**PROJECT, "TRAIN.py": b""}), "TRAIN.py"),
        (linked(), "data"),
        (zipped({**PROJECT, "zeros": bytes(40 << 20)}), "zeros"),
        (zipped({**PROJECT, **{f"{n}": b"" for n in range(2000)}}), "2000"),
        (zipped({"train.py": b""}), "predict.py"),
        (zipped({"src/predict.py": b"", "data/train.py": b""}), "train.py, predict.py"),
        (zipped({}), "train.py, predict.py"),
        (b"no archive", "not a zip"),
        (b"\x1f\x8b\x08 a tar in disguise", "gzip"),
        (zipped()[:-10], "not a zip"),
    ],
    ids=range(14),
)
def test_an_upload_that_is_no_safe_project_is_refused_and_told_why(content: bytes, words: str) -> None:
    assert words in refused("work.zip", content)
    assert not Blob.objects.filter(size=len(content)).exists()


@pytest.mark.parametrize("name", ["work.tar", "work.tar.gz", "work.TGZ", "work.7z", "work.rar"])
def test_other_archives_are_refused_with_what_to_do(name: str) -> None:
    assert "Pack train.py and predict.py into a .zip" in refused(name, b"x")


def test_a_task_without_projects_says_what_it_takes() -> None:
    message = refused("work.zip", zipped(), kinds=("script",))
    assert "takes no projects" in message
    assert ".py" in message


@pytest.mark.parametrize("root", ["", "my project/"])
def test_the_programs_lie_at_the_top_or_in_the_one_top_folder(root: str) -> None:
    files = {f"{root}{name}": content for name, content in PROJECT.items()}
    content = zipped({**files, f"{root}lib/net.py": b"", "__MACOSX/._train.py": b""})
    submission = hand_in(make_contest(kinds=KINDS), make_user(), "work.zip", content)
    assert submission.kind == "project"
    spec = Host().must_claim()
    assert spec.argv == ("{python}", f"/submission/{root}train.py")


# The way of a project


@pytest.fixture
def submission() -> Submission:
    return hand_in(make_contest(kinds=KINDS), make_user(), "work.zip", zipped())


def train(host: Host, log: bytes = b"") -> None:
    spec = host.must_claim()
    assert spec.kind is JobKind.TRAIN
    if log:
        host.heartbeat(spec, log=log)
    assert host.finish(spec, files={"model.zip": MODEL}).status_code == 200


def state(submission: Submission) -> tuple[str, str]:
    submission.refresh_from_db()
    return submission.status, submission.verdict


def test_a_training_leaves_a_model_that_a_fresh_prediction_finds(submission: Submission) -> None:
    host = Host()
    spec = host.must_claim()
    assert (spec.kind, spec.tree, spec.required_output, spec.withheld) == (
        "train",
        "/model",
        "model.zip",
        False,
    )
    places = {item.path: item.unpack for item in spec.inputs}
    assert places == {
        "/input/sample_submission.csv": False,
        "/input/test.csv": False,
        "/input/train.csv": False,
        "/submission": True,
    }
    host.finish(spec, files={"model.zip": MODEL})
    assert state(submission) == ("QUEUED", "")
    spec = host.must_claim()
    assert (spec.kind, spec.tree, spec.required_output) == ("predict", "", "submission.csv")
    assert spec.argv == ("{python}", "/submission/predict.py")
    (model,) = [item for item in spec.inputs if item.path == "/model"]
    assert (model.unpack, blobs.path_of(model.sha256).read_bytes()) == (True, MODEL)
    host.run_well(spec)
    host.score_well(host.must_claim("scoring"))
    assert state(submission) == ("FINISHED", "SCORED")
    assert {file.name for file in RunFile.objects.all()} == {"model.zip", "submission.csv"}


def test_each_stage_has_its_own_limits_and_their_sum_is_what_was_used(submission: Submission) -> None:
    own = {"train": Limits(wall_s=1000, gpus=2).as_json(), "predict": {"memory_mb": 77}}
    TaskVersion.objects.update(stage_limits=own)
    submission = hand_in(submission.contest, submission.user, "again.zip", zipped())
    Job.objects.filter(run__submission=Submission.objects.earliest("created_at")).update(status="CANCELLED")
    job = Job.objects.get(status="QUEUED")
    assert (job.kind, job.gpus) == ("train", 2)
    Job.objects.update(gpus=0)
    host = Host()
    spec = host.must_claim()
    assert (spec.limits.wall_s, spec.limits.gpus) == (1000, 2)
    host.finish(spec, facts=make_facts(wall_s=10.0, cpu_s=7.0, memory_peak=500), files={"model.zip": MODEL})
    spec = host.must_claim()
    assert (spec.limits.memory_mb, spec.limits.wall_s, Job.objects.get(kind="predict").gpus) == (77, 600, 0)
    host.finish(
        spec, facts=make_facts(wall_s=1.5, cpu_s=1.0, memory_peak=900), files={"submission.csv": b"id\n"}
    )
    run = Run.objects.get(submission=submission)
    assert (run.wall_s, run.cpu_s, run.memory_peak) == (11.5, 8.0, 900)
    assert usage.of_user(submission.user).wall_s == 11.5


def test_without_hidden_features_both_logs_are_one_text_that_goes_on(submission: Submission) -> None:
    host = Host()
    train(host, b"epoch 1\n")
    assert read(submission).text == "epoch 1\n"
    assert not read(submission).complete
    spec = host.must_claim()
    host.heartbeat(spec, log=b"predicting\n")
    part = read(submission, after=6)
    assert (part.offset, part.text, part.end) == (6, "1\npredicting\n", 19)
    assert read(submission, after=19) == type(part)(19, "", 19, complete=False)
    host.run_well(spec)
    assert read(submission).text == "epoch 1\npredicting\n"
    host.score_well(host.must_claim("scoring"))
    assert read(submission, after=8).complete


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        (make_facts(exit_code=1), "RUNTIME_ERROR", "exit status 1"),
        (make_facts(output=OutputState.MISSING), "NO_OUTPUT", "no file in /model"),
        (make_facts(output=OutputState.NOT_REGULAR), "INVALID_OUTPUT", "/model that is no ordinary file"),
        (make_facts(output=OutputState.TOO_BIG), "OUTPUT_LIMIT_EXCEEDED", "model that train.py left"),
        (
            make_facts(exit_code=None, signal=9, kill_reason=KillReason.WALL),
            "TIME_LIMIT_EXCEEDED",
            "33 seconds",
        ),
    ],
)
def test_a_training_that_fails_is_the_end_and_costs_quota(
    submission: Submission, facts: object, verdict: str, words: str
) -> None:
    TaskVersion.objects.update(stage_limits={"train": {"wall_s": 33}})
    host = Host()
    host.finish(host.must_claim(), facts=facts)  # type: ignore[arg-type]
    assert state(submission) == ("FINISHED", verdict)
    assert words in explain(verdict, Run.objects.get()).text
    assert host.claim() is None
    quota = quotas.of(submission.team, phase_of(submission.contest), submission.created_at)
    assert quota.used_today == 1


def test_a_prediction_that_dies_is_predicted_again_without_training_again(submission: Submission) -> None:
    host = Host()
    train(host)
    for name in ("host-1", "host-2"):
        spec = Host(name=name).must_claim()
        assert spec.kind is JobKind.PREDICT
        host.on_job("POST", spec, "give-back", {"attempt": spec.attempt, "reason": "the host burned"})
    spec = Host(name="host-3").must_claim()
    assert (spec.kind, spec.attempt) == (JobKind.PREDICT, 3)
    host.run_well(spec)
    assert state(submission) == ("SCORING", "")
    assert Job.objects.get(kind="train").attempt == 1


@pytest.mark.parametrize("stage", ["train queued", "train", "predict queued", "predict", "score"])
def test_it_can_be_called_back_in_every_stage(submission: Submission, stage: str) -> None:
    host = Host()
    if stage != "train queued":
        spec = host.must_claim()
        if stage != "train":
            host.finish(spec, files={"model.zip": MODEL})
        if stage in {"predict", "score"}:
            spec = host.must_claim()
        if stage == "score":
            host.run_well(spec)
            spec = host.must_claim("scoring")
    assert cancel.cancel(submission)
    assert state(submission) == ("CANCELLED", "CANCELLED")
    assert not Job.objects.filter(status__in=["QUEUED", "RUNNING"]).exists()
    if stage in {"train", "predict", "score"}:
        assert json.loads(host.heartbeat(spec).content)["cancel"]
        assert host.finish(spec).status_code == 409


def test_judging_again_trains_again(submission: Submission) -> None:
    host = Host()
    train(host)
    host.run_well(host.must_claim())
    host.score_well(host.must_claim("scoring"))
    submission.refresh_from_db()
    rejudging.rejudge(submission)
    train(host)
    host.run_well(host.must_claim())
    host.score_well(host.must_claim("scoring"), {"ok": True, "public": 0.9, "private": 0.8, "feedback": {}})
    submission.refresh_from_db()
    assert submission.public_score == 0.9
    assert task_version_of(submission.contest).runs.count() == 2
