"""Pages that speak of GPUs: to who waits for one, to who defines a task, to who looks after the hosts."""

from __future__ import annotations

import pytest
from django.test import Client

from judge import checking
from judge.models import Job, UsageSample
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
    task_version_of,
)
from tests.pages.admin_forms import fill_in

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("gpus", "sentence"),
    [
        (1, "It waits for a GPU, and no runner of its pool has one in working order."),
        (2, "It waits for 2 GPUs on one machine, and no runner of its pool has as many in working order."),
    ],
)
def test_a_submission_that_waits_for_gpus_that_no_host_has_says_so(
    client: Client, gpus: int, sentence: str
) -> None:
    submission = make_submission(make_contest(limits=Limits(gpus=gpus)), make_user())
    devices = [make_device(state="quarantined")]
    make_host(make_pool("cpu"), environments=[make_environment()], devices=devices)
    client.force_login(submission.user)
    assert sentence in client.get(f"/submissions/{submission.pk}/").content.decode()


def test_an_organiser_gives_a_task_gpus_and_hears_that_no_host_has_any(client: Client) -> None:
    hidden = make_contest(published=False)
    client.force_login(make_user("root", staff=True))
    path = f"/admin/contests/task/{task_version_of(hidden).task.pk}/change/"
    page = fill_in(client, path, limit_gpus="1")
    assert task_version_of(hidden).limits["gpus"] == 1
    assert "No runner host of the pool “cpu” has a GPU in working order now: programs will wait." in page.text
    make_host(make_pool("cpu"), devices=[make_device()])
    assert "No runner host" not in fill_in(client, path, limit_wall_s="77").text
    assert "GPUs" in fill_in(client, path, limit_gpus="65").text
    assert task_version_of(hidden).limits["gpus"] == 1


def test_a_check_says_that_its_baseline_waits_for_a_gpu(client: Client) -> None:
    contest = make_contest(published=False, limits=Limits(gpus=2), starters={"baseline.py": b"print(1)\n"})
    make_host(make_pool("cpu"), environments=[make_environment()], devices=[make_device()])
    contest.starters.update(baseline=True)
    admin = make_user("root", staff=True)
    client.force_login(admin)
    version = task_version_of(contest)
    check = checking.start(version, admin)
    assert check.trials.count() == 1
    page = client.get(f"/admin/contests/check/{check.pk}/change/").content.decode()
    assert "A baseline waits for 2 GPUs on one machine" in page


def test_the_limits_of_a_task_name_its_gpus_where_it_has_any(client: Client) -> None:
    make_contest("deep", limits=Limits(gpus=2))
    make_contest("plain")
    words = "GPUs, for this run alone"
    assert words in client.get("/contests/deep/limits/").content.decode()
    assert words not in client.get("/contests/plain/limits/").content.decode()


def test_a_run_with_a_gpu_tells_its_gpu_time_and_memory(client: Client) -> None:
    facts = make_facts(gpu_s=90.0, gpu_memory_peak=3 << 30)
    alice = make_user()
    deep = make_submission(make_contest("deep"), alice, status="FINISHED", facts=facts)
    plain = make_submission(make_contest("plain"), alice, status="FINISHED")
    client.force_login(alice)
    assert "GPU time" in client.get(f"/submissions/{deep.pk}/").content.decode()
    assert "GPU time" not in client.get(f"/submissions/{plain.pk}/").content.decode()


def test_the_usage_of_a_run_shows_its_gpu_where_it_had_one(client: Client) -> None:
    submission = make_submission(make_contest(), make_user(), status="FINISHED")
    job = Job.objects.get(run__submission=submission)
    for number in range(3):
        UsageSample.objects.create(
            job=job, attempt=1, number=number, wall_s=number, cpu_s=number, memory=1 << 20, disk=0,
            gpu_memory=number << 30, gpu_percent=40.0 * number,
        )  # fmt: skip
    client.force_login(submission.user)
    address = f"/submissions/{submission.pk}/"
    rows = ('<th scope="row">GPU, %</th>', '<th scope="row">GPU memory</th>')
    with_gpu = client.get(address).content.decode()
    assert [row in with_gpu for row in rows] == [True, True]
    UsageSample.objects.update(gpu_memory=None, gpu_percent=None)
    without = client.get(address).content.decode()
    assert [row in without for row in rows] == [False, False]


def test_the_admin_shows_each_gpu_with_its_state_and_why_nothing_may_run_on_it(client: Client) -> None:
    devices = [make_device("gpu0", "leased"), make_device("gpu1", "quarantined", reason="<b>dirty</b>")]
    host = make_host(make_pool("cpu"), devices=devices)
    client.force_login(make_user("root", staff=True))
    page = client.get(f"/admin/compute/runnerhost/{host.pk}/change/").content.decode()
    assert "NVIDIA H100, 81559 MB, gpu0: <strong>in use by a run</strong>" in page
    assert "gpu1: <strong>quarantined</strong> (&lt;b&gt;dirty&lt;/b&gt;)" in page
