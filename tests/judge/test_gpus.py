"""Jobs that need GPUs: who gets one, who waits, who is never held up by them, and what is told of it."""

from __future__ import annotations

import datetime
import json
import uuid
from typing import Any

import pytest
from django.utils import timezone

from compute.models import RunnerHost
from contests.models import Submission
from judge import fairness, queue, results
from judge.models import Job, Run
from runners.spec import Limits
from tests.builders import (
    make_contest,
    make_device,
    make_environment,
    make_facts,
    make_host,
    make_pool,
    make_submission,
    make_user,
    pool_token,
    task_version_of,
)
from tests.judge.host import Host

pytestmark = pytest.mark.django_db


def queued(slug: str, gpus: int, *, minutes_ago: int = 0) -> Submission:
    """A submission of somebody to a task that asks for GPUs, waiting."""
    contest = make_contest(slug, limits=Limits(gpus=gpus))
    then = timezone.now() - datetime.timedelta(minutes=minutes_ago)
    return make_submission(contest, make_user(f"of-{slug}"), created_at=then)


def claimed(*devices: dict[str, Any], name: str = "gpu-host") -> str | None:
    """Slug of the contest whose program a host with these devices is given."""
    spec = Host(name=name).claim(devices=devices)
    if spec is None:
        return None
    run = Run.objects.get(jobs=uuid.UUID(spec.job_id))
    return run.submission.contest.slug


def test_a_job_is_queued_with_the_gpus_of_its_task() -> None:
    submission = queued("deep", 2)
    run = Run.objects.get(submission=submission)
    Job.objects.filter(run=run).delete()
    assert results.queue_first(run).gpus == 2


def test_scores_are_made_without_a_gpu() -> None:
    run = Run.objects.get(submission=queued("deep", 2))
    assert results.queue_scoring(run, None).gpus == 0


def test_a_job_that_needs_a_gpu_goes_to_a_host_that_has_one_free() -> None:
    queued("deep", 1)
    assert claimed() is None
    assert claimed(make_device("gpu0", "leased"), make_device("gpu1", "quarantined", reason="dirty")) is None
    assert claimed(make_device("gpu0", "leased"), make_device("gpu1", "cleaning")) is None
    assert claimed(make_device("gpu0", "leased"), make_device("gpu1")) == "deep"


def test_a_job_that_waits_for_gpus_holds_nobody_up_who_needs_none() -> None:
    queued("deep", 2, minutes_ago=60)
    queued("plain", 0)
    assert claimed(make_device()) == "plain"


def test_the_spec_says_how_many_gpus_the_run_has() -> None:
    queued("deep", 2)
    spec = Host().claim(devices=[make_device("gpu0"), make_device("gpu1")])
    assert spec is not None
    assert spec.limits.gpus == 2


def test_a_job_for_several_gpus_is_not_passed_over_for_ever() -> None:
    four = [make_device(f"gpu{n}", "leased" if n else "free") for n in range(4)]
    queued("wide", 4, minutes_ago=2)
    for slug in ("small-1", "small-2"):
        queued(slug, 1)
    assert claimed(*four) == "small-1"  # for some minutes others go first
    patience = fairness.DEVICE_PATIENCE + datetime.timedelta(minutes=1)
    Job.objects.filter(gpus=4).update(queued_at=timezone.now() - patience)
    assert claimed(*four) is None
    queued("plain", 0)
    assert claimed(*four) == "plain"
    assert (
        claimed(make_device(), make_device("gpu1", "leased")) == "small-2"
    )  # a host that could never run the wide one


def test_what_a_host_says_of_its_devices_is_kept() -> None:
    make_pool("cpu")
    Host(name="gpu-host").claim(devices=[make_device("gpu0", "quarantined", reason="900 MB are in use")])
    (device,) = RunnerHost.objects.get(name="gpu-host").devices
    assert device == make_device("gpu0", "quarantined", reason="900 MB are in use")


@pytest.mark.parametrize(
    "devices",
    [
        "gpu0",
        [5],
        [{"id": "gpu0"}],
        [make_device(state="spare")],
        [make_device() | {"state": ["free"]}],
        [make_device(), make_device()],
        [make_device() | {"memory_mb": -1}],
        [make_device() | {"memory_mb": "much"}],
        [make_device() | {"price": 3}],
        [make_device("g" * 101)],
        [make_device(f"gpu{n}") for n in range(101)],
    ],
)
def test_devices_of_another_form_are_refused_and_change_nothing(devices: Any) -> None:
    make_pool("cpu")
    queued("deep", 1)
    body = {"protocol": 1, "host": "odd", "environments": [], "devices": devices}
    answer = Host().call("POST", "claim", pool_token("cpu"), body)
    assert answer.status_code == 422, answer.content
    assert "detail" in json.loads(answer.content)
    assert not RunnerHost.objects.exists()


def test_a_submission_waits_for_gpus_that_no_host_has_in_working_order() -> None:
    submission = queued("deep", 1)
    pool = make_pool("cpu")
    make_host(pool, environments=[make_environment()], devices=[make_device(state="quarantined")])
    waiting = queue.waiting(submission)
    assert waiting is not None
    assert waiting.gpus == 1


def test_gpus_of_two_hosts_are_not_those_of_one() -> None:
    submission = queued("deep", 2)
    for name in ("one", "two"):
        pool = make_pool("cpu")
        make_host(pool, name=name, environments=[make_environment()], devices=[make_device()])
    waiting = queue.waiting(submission)
    assert waiting is not None
    assert waiting.gpus == 2


def test_a_submission_that_waits_for_a_busy_gpu_just_stands_in_the_queue() -> None:
    submission = queued("deep", 1)
    make_host(make_pool("cpu"), environments=[make_environment()], devices=[make_device(state="leased")])
    assert queue.waiting(submission) is None
    assert queue.position(submission) == 1


def test_a_job_for_gpus_that_nobody_has_takes_no_place_before_others() -> None:
    stuck, plain = queued("deep", 8, minutes_ago=5), queued("plain", 0)
    make_host(make_pool("cpu"), environments=[make_environment()])
    assert queue.position(plain) == 1
    assert queue.position(stuck) == 1


def test_a_runs_gpu_time_and_peak_are_kept_and_summed() -> None:
    submission = queued("deep", 1)
    host = Host()
    spec = host.claim(devices=[make_device()])
    assert spec is not None
    facts = make_facts(gpu_s=12.5, gpu_memory_peak=7 << 30)
    answer = host.finish(spec, facts=facts, files={"submission.csv": b"id,target\n3,1\n4,1\n"})
    assert answer.status_code == 200
    run = Run.objects.get(submission=submission)
    assert run.gpu_s == 12.5
    assert run.facts["gpu_memory_peak"] == 7 << 30
    assert task_version_of(submission.contest).limits["gpus"] == 1
