"""What a host says of itself: which version it is, what holds its sandbox, and what follows from that."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from compute import installing, pools
from compute.models import Pool, RunnerHost
from runners.spec import PROTOCOL_VERSION
from tests.builders import (
    ENVIRONMENT_VERSION,
    make_contest,
    make_pool,
    make_submission,
    make_user,
    pool_token,
)
from tests.judge.host import Host

pytestmark = pytest.mark.django_db
HARD = {"limit": "disk", "enforced_by": "one sized tmpfs", "status": "hard", "advice": ""}
SOFT = {"limit": "memory", "enforced_by": "sampling", "status": "soft", "advice": "run it as root"}
MISSING = {"limit": "network", "enforced_by": "", "status": "missing", "advice": "get namespaces"}


@pytest.fixture(autouse=True)
def _waiting() -> None:
    make_submission(make_contest(), make_user("alice"))


def claim(**more: Any) -> Any:
    body = {
        "protocol": PROTOCOL_VERSION,
        "host": "h",
        "slots": 1,
        "environments": [f"python@{ENVIRONMENT_VERSION}"],
        "building": {},
    }
    return Host().call("POST", "claim", pool_token("cpu"), body | more)


def test_a_host_of_this_sites_version_gets_a_job() -> None:
    assert claim(version=installing.runner().version).status_code == 200


def test_a_host_of_another_version_is_told_the_command_and_gets_no_job() -> None:
    answer = claim(version="0.0.9+r000000000000")
    assert answer.status_code == 426
    runner = installing.runner()
    address = f"http://testserver/runners/{runner.filename}#sha256={runner.sha256}"
    assert f'pip install --upgrade "podium-runner @ {address}"' in answer.json()["detail"]
    assert answer.json()["requirement"] == f"podium-runner @ {address}"
    assert claim().status_code == 200  # the job still waits


def test_a_host_run_from_a_checkout_names_no_version_and_gets_a_job() -> None:
    assert claim(version="").status_code == 200


def test_a_token_says_which_pool_it_is_of() -> None:
    make_pool("scoring", trusted=True)
    for slug, trusted in (("cpu", False), ("scoring", True)):
        answer = Host().call("POST", "pool", pool_token(slug), {"protocol": PROTOCOL_VERSION})
        assert json.loads(answer.content) == {"pool": slug, "trusted": trusted}


def test_an_unknown_token_and_another_version_are_told_before_anything_is_built() -> None:
    assert Host().call("POST", "pool", "pool_wrong", {"protocol": PROTOCOL_VERSION}).status_code == 401
    stranger = {"protocol": PROTOCOL_VERSION, "version": "9+r0"}
    assert Host().call("POST", "pool", pool_token("cpu"), stranger).status_code == 426
    assert Host().call("POST", "pool", pool_token("cpu"), {"protocol": 99}).status_code == 426


def test_what_a_hosts_sandbox_enforces_is_kept() -> None:
    assert claim(sandbox="nsjail", preflight=[HARD]).status_code == 200
    host = RunnerHost.objects.get()
    assert (host.sandbox, host.preflight) == ("nsjail", [HARD])


@pytest.mark.parametrize(
    ("rows", "allowed", "status"),
    [
        ([HARD], {}, 200),
        ([HARD, SOFT], {}, 422),
        ([HARD, SOFT], {"allow_soft_limits": True}, 200),
        ([HARD, MISSING], {"allow_soft_limits": True}, 422),
    ],
    ids=["all hard", "soft", "soft and allowed", "missing"],
)
def test_strangers_code_runs_only_where_the_host_says_that_it_is_held(
    rows: list[dict[str, str]], allowed: dict[str, bool], status: int
) -> None:
    answer = claim(preflight=rows, **allowed)
    assert answer.status_code == status
    if status == 422:
        assert rows[-1]["limit"] in answer.json()["detail"]
        assert claim(slots=0, preflight=rows).status_code == 204  # it may still say how it is
        assert RunnerHost.objects.get().preflight == rows


@pytest.mark.parametrize(
    "rows",
    [["disk"], [{"limit": "disk"}], [HARD | {"status": "fine"}], [HARD | {"more": ""}], [HARD] * 101, "hard"],
)
def test_a_malformed_preflight_is_refused_and_not_kept(rows: object) -> None:
    assert claim(preflight=rows).status_code == 422
    assert not RunnerHost.objects.exists()


def test_a_host_has_a_name_that_operators_may_see_in_their_terminals() -> None:
    for name in ("gpu\x1b[2J", "gpu\nhost-2: works", "gpu\u202e7"):
        assert claim(host=name).status_code == 422
    assert not RunnerHost.objects.exists()
    assert claim(host="机房 gpu-7.example.org").status_code == 200
    assert RunnerHost.objects.get().name == "机房 gpu-7.example.org"


def test_a_pool_is_opened_by_a_command_that_prints_its_token_once(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("open_pool", "gpu")
    token = capsys.readouterr().out.strip()
    assert (pools.pool_of(token) or Pool()).slug == "gpu"
    with pytest.raises(CommandError, match="there already"):
        call_command("open_pool", "gpu")
    call_command("open_pool", "gpu", "--another-token", "--for", "gpu-7")
    another = capsys.readouterr().out.strip()
    assert pools.pool_of(token) == pools.pool_of(another) == Pool.objects.get(slug="gpu")
    call_command("open_pool", "gpu", "--new-token")
    assert pools.pool_of(token) is pools.pool_of(another) is None
    assert pools.pool_of(capsys.readouterr().out.strip()) == Pool.objects.get(slug="gpu")
    with pytest.raises(CommandError, match="no name of a pool"):
        call_command("open_pool", "../gpu")
