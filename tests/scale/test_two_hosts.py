"""Two runner hosts on networks of their own share one queue: a second adds its slots, a lost one loses nothing."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.scale.hosts import Host, connected
from tests.stack import PERFECT, Stack, eventually, running_stack

pytestmark = [pytest.mark.sandbox, pytest.mark.once, pytest.mark.timeout(600)]
SLOTS = 2
BUSY = b"import time\nprint('busy', flush=True)\ntime.sleep(%d)\n" + PERFECT


@pytest.fixture
def site(services: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A site whose own agent does nothing."""
    folder = tmp_path_factory.mktemp("s")
    with running_stack(
        folder,
        pools=f"cpu:{SLOTS},scoring:1",
        PODIUM_LEASE_S="8",  # shorter than a run; a busy machine may be silent for half of it
        PODIUM_ALLOWED_HOSTS="127.0.0.1,10.213.80.1,10.213.81.1",
    ) as stack:
        agent = stack.pid("agent")
        os.kill(agent, signal.SIGSTOP)
        try:
            yield stack
        finally:
            os.kill(agent, signal.SIGCONT)


@pytest.fixture
def hosts(site: Stack) -> Iterator[tuple[Host, Host]]:
    """Two hosts of which the site has heard, so that neither is still starting when there is work."""
    with connected(site, "first", 0) as first, connected(site, "second", 1) as second:
        for host in (first, second):
            host.start()
        for host in (first, second):
            eventually(host.heard, within_s=60, what=f"{host.name} is heard")
        yield first, second


def running(site: Stack) -> Counter[str]:
    """How many programs each host has under way."""
    with site.database() as ask:
        rows = ask(
            "SELECT host, count(*) FROM judge_job WHERE status = 'RUNNING' AND kind = 'run' GROUP BY host"
        )
    return Counter(dict(rows))


def hand_in(site: Stack, count: int, *, seconds: int) -> list[str]:
    return [site.submit(BUSY % seconds + b"# %d\n" % n, user=("alice", "bob")[n % 2]) for n in range(count)]


def judged_once(site: Stack, submissions: list[str]) -> None:
    """All of them, whatever happened meanwhile: one run, one score, one event on each board."""
    for number, submission in enumerate(submissions):
        judged = site.wait_verdict(submission, user=("alice", "bob")[number % 2], within_s=120)
        assert (judged["verdict"], judged["public_score"]) == ("SCORED", 1.0), judged
    with site.database() as ask:
        for table, each in (("judge_run", 1), ("leaderboard_score", 1), ("leaderboard_scoreevent", 2)):
            counts = ask(f"SELECT count(*) FROM {table} GROUP BY submission_id")
            assert counts == [(each,)] * len(submissions), table
        assert ask("SELECT count(*) FROM judge_job WHERE status <> 'FINISHED'") == [(0,)]


def test_a_second_host_adds_its_slots(site: Stack, hosts: tuple[Host, Host]) -> None:
    first, second = hosts
    with second.asleep():
        with first.asleep():
            submissions = hand_in(site, 3 * SLOTS, seconds=8)
        eventually(lambda: running(site) == {"first": SLOTS}, what="one host is full")
    eventually(lambda: running(site) == {"first": SLOTS, "second": SLOTS}, what="both are full")
    judged_once(site, submissions)
    with site.database() as ask:
        shares = Counter(dict(ask("SELECT host, count(*) FROM judge_job WHERE kind = 'run' GROUP BY host")))
    assert set(shares) == {"first", "second"}
    assert min(shares.values()) >= SLOTS


def both_full(site: Stack, hosts: tuple[Host, Host]) -> list[str]:
    """As many submissions as there are slots, under way."""
    with hosts[0].asleep(), hosts[1].asleep():  # else the first is over before the last is handed in
        submissions = hand_in(site, 2 * SLOTS, seconds=9)
    eventually(lambda: running(site) == {"first": SLOTS, "second": SLOTS}, what="both are full")
    return submissions


def test_what_a_lost_host_had_is_judged_by_the_other(site: Stack, hosts: tuple[Host, Host]) -> None:
    submissions = both_full(site, hosts)
    hosts[1].pull_cable()
    hosts[1].lose()
    judged_once(site, submissions)
    with site.database() as ask:
        assert ask("SELECT count(*) FROM judge_job WHERE kind = 'run' AND attempt = 2") == [(SLOTS,)]
        assert ask("SELECT DISTINCT host FROM judge_job WHERE attempt = 2") == [("first",)]


def test_a_host_cut_off_past_its_leases_counts_nothing_late_and_works_again_when_it_is_back(
    site: Stack, hosts: tuple[Host, Host]
) -> None:
    first, second = hosts
    submissions = both_full(site, hosts)
    second.pull_cable()
    judged_once(site, submissions)
    with site.database() as ask:
        assert ask(
            "SELECT host, attempt, count(*) FROM judge_job WHERE attempt > 1 GROUP BY host, attempt"
        ) == [("first", 2, SLOTS)]
    second.plug_in()
    eventually(lambda: not second.shims(), within_s=60, what="its late attempts are given up")
    with first.asleep():
        submissions += hand_in(site, 1, seconds=0)
        judged_once(site, submissions)
    with site.database() as ask:
        who = "SELECT host, attempt FROM judge_job WHERE run_id = (SELECT max(id) FROM judge_run)"
        assert ask(who) == [("second", 1)] * 2
