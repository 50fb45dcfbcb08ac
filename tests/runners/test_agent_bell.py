"""Bells with a real Valkey, rung as the site rings them: by Celery's send_task."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import celery
import pytest
import redis

from runners.agent.bell import Bell
from runners.agent.broker_bell import Listener
from tests.runners.agent_stage import ENVIRONMENT, stage, until
from tests.valkey import running_valkey, start_valkey


@pytest.fixture(name="directory")
def _directory(services: None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bell") as short:  # a socket's path must be short
        yield Path(short)


def kombu_url(valkey_url: str) -> str:
    return valkey_url.replace("unix://", "redis+socket://")


def ring(url: str, pool: str) -> None:
    with celery.Celery(broker=url, set_as_current=False) as app:
        app.send_task("pool.bell", queue=f"pool.{pool}", expires=60, retry=False, ignore_result=True)


def listening(url: str, *slugs: str) -> tuple[Listener, dict[str, Bell]]:
    bells = {slug: Bell() for slug in slugs}
    listener = Listener(url, bells)
    listener.start()
    for bell in bells.values():
        assert bell.wait(5), "a listener rings when it has connected"
    return listener, bells


def test_celerys_send_task_rings_the_bell_of_its_pool_alone(directory: Path) -> None:
    with running_valkey(directory) as url:
        listener, bells = listening(kombu_url(url), "cpu", "scoring")
        ring(kombu_url(url), "cpu")
        assert bells["cpu"].wait(5)
        assert not bells["scoring"].wait(0.2)
        listener.stop()
        listener.join(5)


def test_a_heard_bell_is_gone_from_the_broker_at_once(directory: Path) -> None:
    with running_valkey(directory) as url:
        listener, bells = listening(kombu_url(url), "cpu")
        ring(kombu_url(url), "cpu")
        assert bells["cpu"].wait(5)
        with redis.Redis.from_url(url) as client:
            assert client.llen("pool.cpu") == 0
            assert client.hlen("unacked") == 0
        listener.stop()
        listener.join(5)


def test_a_bell_rung_before_anybody_listened_is_heard(directory: Path) -> None:
    with running_valkey(directory) as url:
        ring(kombu_url(url), "cpu")
        listener, _ = listening(kombu_url(url), "cpu")
        with redis.Redis.from_url(url) as client:
            until(lambda: client.llen("pool.cpu") == 0, "the message is taken")
        listener.stop()
        listener.join(5)


def test_a_broker_that_dies_and_comes_back_is_heard_again(directory: Path) -> None:
    process, url = start_valkey(directory)
    listener, bells = listening(kombu_url(url), "cpu")
    process.kill()
    process.wait()
    assert not bells["cpu"].wait(0.5)
    with running_valkey(directory):
        assert bells["cpu"].wait(15), "it rings when it is connected again"
        ring(kombu_url(url), "cpu")
        assert bells["cpu"].wait(5)
        listener.stop()
        listener.join(5)
    assert not listener.is_alive()


def test_a_message_nobody_understands_breaks_nothing(directory: Path) -> None:
    with running_valkey(directory) as url:
        listener, bells = listening(kombu_url(url), "cpu")
        with redis.Redis.from_url(url) as client:
            client.lpush("pool.cpu", b"\xff not json")
        assert bells["cpu"].wait(15), "it connects again and rings"
        ring(kombu_url(url), "cpu")
        assert bells["cpu"].wait(15)
        listener.stop()
        listener.join(5)


def test_one_ring_wakes_one_waiting_slot() -> None:
    bell = Bell()
    bell.ring()
    bell.ring()
    assert bell.wait(0)
    assert not bell.wait(0.05)


def test_a_closed_bell_holds_nobody() -> None:
    bell = Bell()
    bell.close()
    assert bell.wait(10)
    assert bell.wait(10)


@pytest.mark.sandbox
def test_a_bell_starts_a_job_long_before_the_next_look(tmp_path: Path, directory: Path) -> None:
    with running_valkey(directory) as url, stage(tmp_path) as on:
        on.start_agent(PODIUM_BROKER_URL=kombu_url(url), PODIUM_LOOK_EVERY_S="60")
        until(lambda: "bells connected" in on.agent_log(), "the agent listens")
        until(lambda: len(on.site.reports) >= 2, "the agent has looked")
        job = on.site.add_job("open('submission.csv', 'w')", environment=ENVIRONMENT)
        ring(kombu_url(url), "cpu")
        on.finished(job, timeout=30)


@pytest.mark.sandbox
def test_one_bell_for_two_jobs_starts_both_in_two_slots(tmp_path: Path, directory: Path) -> None:
    with running_valkey(directory) as url, stage(tmp_path) as on:
        on.start_agent(PODIUM_BROKER_URL=kombu_url(url), PODIUM_LOOK_EVERY_S="60", PODIUM_POOLS="cpu:2")
        until(lambda: "bells connected" in on.agent_log(), "the agent listens")
        until(lambda: len(on.site.reports) >= 3, "both slots have looked")
        program = "import time\nprint('up', flush=True)\ntime.sleep(60)"
        jobs = [on.site.add_job(program, environment=ENVIRONMENT) for _ in range(2)]
        ring(kombu_url(url), "cpu")
        until(lambda: all(job.log for job in jobs), "both run at the same time", timeout=30)


@pytest.mark.sandbox
def test_a_lost_bell_costs_no_more_than_a_look(tmp_path: Path) -> None:
    with stage(tmp_path) as on:
        on.start_agent(PODIUM_BROKER_URL=f"redis+socket://{tmp_path}/nobody.sock", PODIUM_LOOK_EVERY_S="0.5")
        until(lambda: "bells away" in on.agent_log(), "the agent knows")
        job = on.site.add_job("open('submission.csv', 'w')", environment=ENVIRONMENT)
        on.finished(job, timeout=30)
