"""What the agent reads, and what it says when it cannot work: one clear line each, and never a token."""

from __future__ import annotations

from pathlib import Path

import pytest

from runners.agent import settings
from runners.agent.settings import PoolSlots, SettingsError, StopMode
from runners.sandboxes.choice import Sandbox
from tests.runners.agent_stage import ENVIRONMENT, stage, until

GIVEN = {
    "PODIUM_SITE_URL": "http://127.0.0.1:8000/",
    "PODIUM_AGENT_DIR": "/srv/agent",
    "PODIUM_ENVIRONMENTS_DIR": "/srv/environments",
    "PODIUM_POOLS": "cpu:2,scoring:1",
    "PODIUM_POOL_TOKENS_DIR": "/srv/tokens",
}


def test_settings_are_read_from_the_environment() -> None:
    read = settings.from_environment(GIVEN | {"PODIUM_AGENT_STOP": "kill", "PODIUM_AGENT_HOST": "h"})
    assert read.site_url == "http://127.0.0.1:8000"
    assert read.pools == (PoolSlots("cpu", 2), PoolSlots("scoring", 1))
    assert (read.stop, read.look_every_s, read.broker_url, read.host) == (StopMode.KILL, 30.0, "", "h")


def test_a_stop_leaves_sandboxes_alive_unless_told_otherwise() -> None:
    assert settings.from_environment(GIVEN).stop is StopMode.LEAVE


@pytest.mark.parametrize("name", sorted(GIVEN))
def test_a_missing_setting_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        settings.from_environment({key: value for key, value in GIVEN.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PODIUM_SITE_URL", "localhost:8000"),
        ("PODIUM_POOLS", "cpu:0"),
        ("PODIUM_POOLS", "../x:1"),
        ("PODIUM_POOLS", "cpu:1,cpu:2"),
        ("PODIUM_POOLS", "cpu:1:podman"),
        ("PODIUM_SANDBOX", "chroot"),
        ("PODIUM_DOCKER_HOST", "tcp://192.0.2.1:2375"),
        ("PODIUM_LOOK_EVERY_S", "nan"),
        ("PODIUM_LOOK_EVERY_S", "-1"),
        ("PODIUM_AGENT_STOP", "maybe"),
        ("PODIUM_AGENT_CACHE_MB", "much"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        settings.from_environment(GIVEN | {name: value})


def test_a_pool_without_a_number_has_one_slot() -> None:
    assert settings.parse_pools("gpu") == (PoolSlots("gpu", 1),)


def test_a_pool_runs_in_its_own_sandbox_and_every_other_in_the_hosts() -> None:
    told = {"PODIUM_POOLS": "cpu:2:runsc,scoring:1,gpu::docker", "PODIUM_SANDBOX": "nsjail"}
    assert settings.from_environment(GIVEN | told).pools == (
        PoolSlots("cpu", 2, Sandbox.RUNSC),
        PoolSlots("scoring", 1, Sandbox.NSJAIL),
        PoolSlots("gpu", 1, Sandbox.DOCKER),
    )
    read = settings.from_environment(GIVEN | told | {"PODIUM_SANDBOX": "docker"})
    assert [pool.sandbox for pool in read.pools] == [Sandbox.RUNSC, Sandbox.DOCKER, Sandbox.DOCKER]
    assert settings.from_environment(GIVEN).pools[0].sandbox is Sandbox.NSJAIL


def test_a_token_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    read = settings.from_environment(GIVEN | {"PODIUM_POOL_TOKENS_DIR": str(tmp_path)})
    (tmp_path / "cpu").write_text("secret\n")
    (tmp_path / "cpu").chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        read.pool_token("cpu")
    (tmp_path / "cpu").chmod(0o600)
    assert read.pool_token("cpu") == "secret"


def test_an_agent_without_settings_says_which_one_is_missing(tmp_path: Path) -> None:
    with stage(tmp_path) as on:
        agent = on.start_agent(PODIUM_SITE_URL="")
        assert agent.wait(10) == 1
        assert "PODIUM_SITE_URL is not set" in on.agent_log()


def test_a_refused_pool_token_is_said_in_one_line_that_names_the_file(tmp_path: Path) -> None:
    with stage(tmp_path) as on:
        on.write_token("cpu", "a-wrong-secret")
        on.start_agent()
        until(lambda: "pool token not accepted" in on.agent_log(), "the refusal is logged")
        line = next(line for line in on.agent_log().splitlines() if "not accepted" in line)
        assert str(on.tokens_dir / "cpu") in line
        assert "a-wrong-secret" not in on.agent_log()


def test_a_site_of_another_protocol_ends_the_agent_with_a_clear_line(tmp_path: Path) -> None:
    with stage(tmp_path) as on:
        on.site.protocol = 2
        agent = on.start_agent()
        assert agent.wait(10) == 1
        assert "protocol 2" in on.agent_log()


@pytest.mark.sandbox
def test_an_agent_that_its_site_has_left_behind_brings_home_what_runs(tmp_path: Path) -> None:
    with stage(tmp_path) as on:
        program = (
            "import time\nprint('up', flush=True)\ntime.sleep(2)\nopen('submission.csv', 'w').write('x')"
        )
        job = on.site.add_job(program, environment=ENVIRONMENT)
        agent = on.start_agent(PODIUM_POOLS="cpu:3")
        until(lambda: job.log, "the program runs")
        on.site.protocol = 2
        until(lambda: "protocol 2" in on.agent_log(), "the agent hears of it")
        assert not job.finishes
        assert agent.wait(15) == 1
        assert len(job.finishes) == 1
        assert not job.give_backs


@pytest.mark.sandbox
def test_no_token_is_ever_logged_or_left_readable(tmp_path: Path) -> None:
    with stage(tmp_path) as on:
        job = on.site.add_job("import time\nprint('up', flush=True)\ntime.sleep(1)", environment=ENVIRONMENT)
        on.start_agent()
        until(lambda: job.log, "the program runs")
        token = job.token
        holders = [path for path in on.run_path(job).rglob("*") if path.is_file() and _holds(path, token)]
        assert [path.name for path in holders] == ["job.json"]
        assert holders[0].stat().st_mode & 0o077 == 0
        on.finished(job)
        for secret in (token, *on.site.pool_tokens.values()):
            assert secret not in on.agent_log()


def test_a_free_agent_reports_its_environments_and_hears_of_new_ones(tmp_path: Path) -> None:
    with stage(tmp_path) as on:
        job = on.site.add_job("open('submission.csv', 'w')", environment="late@0123456789ab")
        on.start_agent(PODIUM_LOOK_EVERY_S="60")
        until(lambda: on.site.reports, "the first report")
        assert on.site.reports[0]["environments"] == [ENVIRONMENT]
        assert on.site.reports[0]["host"] == "stage"
        on.add_environment("late@0123456789ab")
        on.finished(job, timeout=15)


def _holds(path: Path, secret: str) -> bool:
    return secret.encode() in path.read_bytes()
