"""Pools: what waits where, and holding, releasing, draining; in the admin, by the API and by the command."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from compute.models import Pool, RunnerHost
from contests.models import Contest, Submission
from judge import queue
from judge.models import Job
from tests.builders import (
    make_api_token,
    make_contest,
    make_environment,
    make_host,
    make_pool,
    make_submission,
    make_user,
)
from tests.judge.host import Host
from tests.pages.reading import read

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting() -> Submission:
    submission = make_submission(make_contest("digits", queue_weight=3), make_user("alice"))
    make_host(make_pool("cpu"), environments=[make_environment()])
    return submission


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(make_user("root", staff=True))
    return client


def api(user: User) -> Client:
    return Client(headers={"authorization": f"Token {make_api_token(user)}"})


def told(submission: Submission) -> str:
    """What the page of a submission says to its owner."""
    owner = Client()
    owner.force_login(submission.user)
    return read(owner, f"/submissions/{submission.pk}/").text


def act(operator: Client, verb: str, row: Pool | RunnerHost) -> str:
    answer = operator.post(reverse(f"admin:compute_pool_{verb}", args=[row.pk]))
    return read(operator, answer.headers["Location"]).text


def test_the_page_of_a_pool_says_what_waits_and_holds_and_releases_it(
    operator: Client, waiting: Submission
) -> None:
    pool = make_pool("cpu")
    page = read(operator, reverse("admin:compute_pool_change", args=[pool.pk])).text
    assert "1 waiting, 0 running" in page
    assert "host-1" in page
    assert "This pool is held" in act(operator, "hold", pool)
    assert Host().claim() is None
    assert "operators are holding this queue" in told(waiting)
    assert "This pool is held" not in act(operator, "release", pool)
    assert "operators are holding this queue" not in told(waiting)
    assert Host().claim() is not None


def test_a_host_drains_and_works_again(operator: Client, waiting: Submission) -> None:
    running = Host().must_claim()
    host = RunnerHost.objects.get()
    assert "drains" in act(operator, "drain", host)
    Host().run_well(running)
    page = read(operator, reverse("admin:compute_pool_change", args=[host.pool_id])).text
    assert "drained: it may be stopped" in page
    make_submission(waiting.contest, make_user("b"))
    assert Host().claim() is None
    assert "Drain" in act(operator, "resume", host)
    assert Host().claim() is not None


@pytest.mark.parametrize("verb", ["hold", "release", "drain", "resume"])
def test_only_those_who_run_the_site_change_a_pool_and_never_by_a_link(
    client: Client, waiting: Submission, verb: str
) -> None:
    organiser = make_user("organiser")
    Contest.objects.get().organisers.add(organiser)
    client.force_login(organiser)
    row = make_pool("cpu") if verb in {"hold", "release"} else RunnerHost.objects.get()
    address = reverse(f"admin:compute_pool_{verb}", args=[row.pk])
    assert client.post(address).status_code == 403
    client.force_login(make_user("root", staff=True))
    assert client.get(address).status_code == 405
    assert (Pool.objects.filter(held=True).count(), RunnerHost.objects.filter(draining=True).count()) == (
        0,
        0,
    )


def test_a_pool_names_operators_who_hold_it_and_drain_its_hosts_and_no_other_pool(
    operator: Client, waiting: Submission
) -> None:
    pool, other, host = make_pool("cpu"), make_pool("other"), RunnerHost.objects.get()
    bob, theirs = make_user("bob"), Client()
    theirs.force_login(bob)
    address = reverse("admin:compute_pool_operators", args=[pool.pk])
    assert theirs.post(address, {"operators": "bob"}).status_code == 302  # they may not even enter
    operator.post(address, {"operators": "bob, nobody-of-this-name"})
    assert not pool.operators.exists()
    operator.post(address, {"operators": "bob"})
    assert theirs.post(address, {"operators": "bob"}).status_code == 403
    page = read(theirs, reverse("admin:compute_pool_change", args=[pool.pk])).text
    assert "1 waiting, 0 running" in page
    assert "other" not in read(theirs, reverse("admin:compute_pool_changelist")).text
    assert "This pool is held" in act(theirs, "hold", pool)
    act(theirs, "drain", host)
    assert (Pool.objects.get(held=True), RunnerHost.objects.get(draining=True)) == (pool, host)
    assert theirs.post(reverse("admin:compute_pool_hold", args=[other.pk])).status_code == 404
    bobs = api(bob)
    assert [row["slug"] for row in bobs.get("/api/v1/pools/").json()["results"]] == ["cpu"]
    change: dict[str, Any] = {"data": {"held": False}, "content_type": "application/json"}
    assert bobs.patch("/api/v1/pools/other/", **change).status_code == 404
    assert bobs.patch("/api/v1/pools/cpu/", **change).status_code == 200
    done = LogEntry.objects.filter(object_id=str(pool.pk), user=bob).order_by("pk")
    assert list(done.values_list("change_message", flat=True)) == ["held", "host host-1 drains", "released"]


def test_an_organiser_holds_and_releases_the_queue_of_their_contest_and_has_one_judged_next(
    client: Client, waiting: Submission
) -> None:
    organiser, contest = make_user("organiser"), waiting.contest
    contest.organisers.add(organiser)
    later = make_submission(contest, make_user("bob"))
    client.force_login(organiser)
    address = reverse("admin:contests_submission_queue", args=[contest.pk])
    assert "cpu 2 0" in " ".join(read(client, address).text.split())
    client.post(address, {"hold": "1"})
    assert Host().claim() is None
    assert "organisers are holding this contest" in told(waiting)
    assert "This contest's queue is held" in read(client, address).text
    client.post(address, {"release": "1"})
    assert "organisers are holding this contest" not in told(waiting)
    listed = reverse("admin:contests_submission_changelist")
    client.post(listed, {"action": "prefer", "_selected_action": str(later.pk)})
    assert "asked that this submission be judged next" in told(later)
    assert queue.position(later) == 1
    history = LogEntry.objects.filter(user=organiser).order_by("pk").values_list("change_message", flat=True)
    assert list(history) == ["queue held", "queue released", "to be judged next"]


def test_the_api_holds_a_contests_queue_and_prefers_a_submission_for_its_organisers_alone(
    waiting: Submission,
) -> None:
    contest, ended = waiting.contest, make_submission(waiting.contest, make_user("e"), status="FINISHED")
    organiser, elsewhere = make_user("organiser"), make_user("elsewhere")
    contest.organisers.add(organiser)
    make_contest("another").organisers.add(elsewhere)
    held, prefer = "/api/v1/contests/digits/queue/", f"/api/v1/submissions/{waiting.pk}/prefer/"
    change: dict[str, Any] = {"data": {"held": True}, "content_type": "application/json"}
    for user, status, of_submission in ((waiting.user, 403, 403), (elsewhere, 403, 404)):
        assert api(user).patch(held, **change).status_code == status
        assert api(user).post(prefer).status_code == of_submission
    theirs = api(organiser)
    assert theirs.get(held).json() == {"held": False}
    assert theirs.patch(held, **change).json() == {"held": True}
    mine = api(waiting.user).get(f"/api/v1/submissions/{waiting.pk}/").json()
    assert (mine["waiting_for"]["by_organisers"], mine["queue_position"]) == (True, None)
    assert theirs.post(prefer).json()["waiting_for"]["by_organisers"] is True
    assert Job.objects.get(run__submission=waiting).preferred_at is not None
    assert theirs.post(f"/api/v1/submissions/{ended.pk}/prefer/").status_code == 409


@pytest.mark.parametrize("way", ["/admin/compute/pool/", "/api/v1/pools/"])
def test_a_list_of_pools_costs_the_same_queries_with_nine_as_with_three(operator: Client, way: str) -> None:
    reader = operator if way.startswith("/admin") else api(make_user("other-root", staff=True))
    make_submission(make_contest(), make_user("alice"))
    reader.get(way)  # what is asked once
    counts = []
    for count in (3, 9):
        for number in range(count):
            make_host(make_pool(f"pool-{count}-{number}"))
        with CaptureQueriesContext(connection) as captured:
            assert reader.get(way).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_the_api_tells_and_changes_pools_for_superusers_alone(waiting: Submission) -> None:
    root, alice = api(make_user("root", staff=True)), api(waiting.user)
    seen = root.get("/api/v1/pools/cpu/").json()
    assert seen["contests"] == [{"contest": "digits", "weight": 3, "waiting": 1, "running": 0, "held": False}]
    assert [(host["name"], host["live"], host["running"]) for host in seen["hosts"]] == [("host-1", True, 0)]
    for address, body in (("", {"held": True}), ("hosts/host-1/", {"draining": True})):
        path = f"/api/v1/pools/cpu/{address}"
        assert alice.patch(path, body, content_type="application/json").status_code == 403
        assert root.patch(path, {}, content_type="application/json").status_code == 400
        assert root.patch(path, body, content_type="application/json").status_code == 200
    assert alice.get("/api/v1/pools/").status_code == 403
    assert (Pool.objects.get(slug="cpu").held, RunnerHost.objects.get().draining) == (True, True)
    mine = alice.get(f"/api/v1/submissions/{waiting.pk}/").json()
    assert mine["waiting_for"]["held"] is True
    assert root.get("/api/v1/pools/nowhere/").status_code == 404


def test_the_weight_of_a_contest_is_for_those_who_run_the_site(waiting: Submission) -> None:
    organiser, root = make_user("organiser"), make_user("root", staff=True)
    waiting.contest.organisers.add(organiser)
    for user, status, weight in ((organiser, 403, 3), (root, 200, 7)):
        answer = api(user).patch(
            "/api/v1/contests/digits/", {"queue_weight": 7}, content_type="application/json"
        )
        assert answer.status_code == status
        assert Contest.objects.get().queue_weight == weight
        form = Client()
        form.force_login(user)
        page = form.get(reverse("admin:contests_contest_change", args=[waiting.contest_id])).content
        assert (b'name="queue_weight"' in page) == (user == root)


def test_the_command_holds_releases_drains_and_resumes(waiting: Submission) -> None:
    def said(*words: str) -> str:
        out = StringIO()
        call_command("pool", *words, stdout=out)
        return out.getvalue()

    assert (
        "cpu: 1 waiting, 0 running\n  digits (weight 3): 1 waiting, 0 running\n  host host-1: works" in said()
    )
    assert "cpu: 1 waiting, 0 running, held" in said("hold", "cpu")
    assert "host host-1: drains, 0 running" in said("drain", "cpu", "host-1")
    assert "held" not in said("release", "cpu")
    assert "host host-1: works" in said("resume", "cpu", "host-1")
    held = said("hold", "--contest", "digits")
    assert "digits (weight 3): 1 waiting, 0 running, held" in held
    assert Host().claim() is None
    assert "held" not in said("release", "--contest", "digits")
    said("operators", "cpu", "alice")
    assert make_pool("cpu").operators.get() == waiting.user
    said("operators", "cpu")
    assert not make_pool("cpu").operators.exists()
    with pytest.raises(CommandError, match="no account"):
        said("operators", "cpu", "nobody-of-this-name")
    for words in (("hold", "nowhere"), ("drain", "cpu", "nobody")):
        with pytest.raises(CommandError, match="names them"):
            said(*words)
