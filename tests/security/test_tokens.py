"""Tokens: shown once, kept as a digest, good for a time; of people, with what a new password does, and of machines."""

from __future__ import annotations

import datetime as dt
import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import tokens
from accounts.models import ApiToken, User
from compute import pool_tokens, pools
from compute.models import Pool, PoolToken
from judge import lease
from judge.models import Job
from operations import preparing
from runners.spec import SUBMISSION_FILE, JobSpec, Limits
from tests.builders import PASSWORD, make_api_token, make_contest, make_submission, make_user
from tests.judge.host import Host
from tests.pages.reading import read, signed_in

pytestmark = pytest.mark.django_db
NEW = "a-quite-different-phrase"


@pytest.fixture(autouse=True)
def _quick(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def alice() -> User:
    user = make_user("alice")
    user.set_password(PASSWORD)
    user.save()
    return user


def of(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def asks(token: str) -> int:
    return Client().get("/api/v1/me/", headers={"authorization": f"Token {token}"}).status_code


def is_in(client: Client) -> bool:
    return client.get("/accounts/profile/").status_code == 200


def everything_stored() -> str:
    """Every value of every row of every table, as text."""
    with connection.cursor() as cursor:
        said = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            said.append(repr(cursor.fetchall()))
    return "".join(said)


def test_no_token_can_be_read_from_the_database(alice: User) -> None:
    given = [make_api_token(alice), pools.open_pool(slug="cpu", trusted=False)]
    stored = everything_stored()
    assert "alice" in stored
    assert [token for token in given if token in stored] == []
    assert [token for token in given if tokens.digest(token) not in stored] == []


def test_no_page_of_the_administration_shows_tokens_or_digests(alice: User) -> None:
    token = make_api_token(alice)
    pool_token = pools.open_pool(slug="cpu", trusted=False)
    assert ApiToken not in admin.site._registry
    root = of(make_user("root", staff=True))
    for path in (
        f"/admin/accounts/user/{alice.pk}/change/",
        f"/admin/compute/pool/{Pool.objects.get(slug='cpu').pk}/change/",
        "/admin/compute/pool/",
        f"/admin/compute/pooltoken/{PoolToken.objects.get().pk}/change/",
        "/admin/compute/pooltoken/",
    ):
        said = root.get(path).content.decode()
        for secret in (token, pool_token, tokens.digest(token), tokens.digest(pool_token), alice.password):
            assert secret not in said, path


def test_a_token_ends_when_its_time_is_over(alice: User) -> None:
    token = tokens.create_api_token(user=alice, days=30)
    assert asks(token) == 200
    ApiToken.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert asks(token) == 401
    assert "expired" in read(signed_in(alice), "/accounts/profile/").text


@pytest.mark.parametrize(("sent", "days"), [({}, 365), ({"days": "30"}, 30), ({"days": "0"}, None)])
def test_a_page_gives_a_year_unless_told_otherwise(
    alice: User, sent: dict[str, str], days: int | None
) -> None:
    answer = of(alice).post("/accounts/tokens/", {"name": "laptop", **sent})
    assert re.search(r"pod_[\w-]{40,}", answer.content.decode())
    assert lasts(ApiToken.objects.get()) == days


@pytest.mark.parametrize(("sent", "days"), [({}, 365), ({"days": 7}, 7), ({"days": None}, None)])
def test_so_does_the_api(alice: User, sent: dict[str, Any], days: int | None) -> None:
    answer = of(alice).post("/api/v1/me/tokens/", {"name": "x", **sent}, content_type="application/json")
    assert answer.status_code == 201
    assert lasts(ApiToken.objects.get()) == days


def lasts(token: ApiToken) -> int | None:
    return (
        None
        if token.expires_at is None
        else round((token.expires_at - token.created_at).total_seconds() / 86_400)
    )


@pytest.mark.parametrize("days", [None, 3000, 1])
def test_a_token_makes_none_that_outlives_it(alice: User, days: int | None) -> None:
    with_it = {"authorization": f"Token {tokens.create_api_token(user=alice, days=10)}"}
    made = Client().post(
        "/api/v1/me/tokens/", {"days": days}, content_type="application/json", headers=with_it
    )
    assert made.status_code == 201
    ends = dt.datetime.fromisoformat(made.json()["expires_at"]) - timezone.now()
    assert ends < dt.timedelta(days=days if days == 1 else 10)
    assert asks(made.json()["token"]) == 200


def test_expired_tokens_do_not_use_up_what_one_may_have(alice: User) -> None:
    for _ in range(tokens.MOST_TOKENS):
        tokens.create_api_token(user=alice, days=1)
    with pytest.raises(tokens.TooMany):
        tokens.create_api_token(user=alice)
    ApiToken.objects.update(expires_at=timezone.now())
    assert asks(tokens.create_api_token(user=alice)) == 200


def change_password(client: Client, **more: str) -> None:
    sent = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW, **more}
    assert client.post("/accounts/password/change/", sent).status_code == 302


def test_a_changed_password_ends_the_other_sessions_and_keeps_this_one(alice: User) -> None:
    here, elsewhere = of(alice), of(alice)
    change_password(here)
    assert is_in(here)
    assert not is_in(elsewhere)


@pytest.mark.parametrize(("more", "status"), [({}, 200), ({"revoke_tokens": "on"}, 401)])
def test_whoever_changes_their_password_decides_about_their_tokens(
    alice: User, more: dict[str, str], status: int
) -> None:
    token = make_api_token(alice)
    client = of(alice)
    assert "Revoke my API tokens, too" in read(client, "/accounts/password/change/").text
    change_password(client, **more)
    assert asks(token) == status


def test_a_password_chosen_by_a_link_ends_every_session_and_token(alice: User) -> None:
    token, elsewhere = make_api_token(alice), of(alice)
    key = f"{user_pk_to_url_str(alice)}-{default_token_generator.make_token(alice)}"
    visitor = Client()
    form = visitor.get(f"/accounts/password/reset/key/{key}/")["Location"]
    assert visitor.post(form, {"password1": NEW, "password2": NEW}).status_code == 302
    alice.refresh_from_db()
    assert alice.check_password(NEW)
    assert asks(token) == 401
    assert not is_in(elsewhere)


def test_a_password_given_by_an_administrator_ends_every_session_and_token(alice: User) -> None:
    token, elsewhere = make_api_token(alice), of(alice)
    root = of(make_user("root", staff=True))
    sent = {"usable_password": "true", "password1": NEW, "password2": NEW}
    assert root.post(f"/admin/accounts/user/{alice.pk}/password/", sent).status_code == 302
    assert asks(token) == 401
    assert not is_in(elsewhere)


def test_a_closed_account_has_no_session_and_no_token(alice: User) -> None:
    token, here = make_api_token(alice), of(alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert asks(token) == 401
    assert not is_in(here)


def test_a_pool_has_as_many_tokens_as_hosts_and_each_is_taken_back_by_itself() -> None:
    one, other = (pools.open_pool(slug="cpu", trusted=False, name=name) for name in ("one", "other"))
    pool_tokens.revoke(PoolToken.objects.get(name="one"))
    assert pools.pool_of(one) is None
    assert pools.pool_of(other) == Pool.objects.get(slug="cpu")
    only = pool_tokens.renew(Pool.objects.get())
    assert [pools.pool_of(token) for token in (other, only)] == [None, Pool.objects.get(slug="cpu")]


def test_the_use_of_a_pool_token_is_noted_once_a_minute() -> None:
    token = pools.open_pool(slug="cpu", trusted=False)
    assert PoolToken.objects.get().last_used_at is None
    pools.pool_of(token)
    noted = PoolToken.objects.get().last_used_at
    assert noted is not None
    pools.pool_of(token)
    assert PoolToken.objects.get().last_used_at == noted
    PoolToken.objects.update(last_used_at=noted - dt.timedelta(seconds=61))
    pools.pool_of(token)
    assert (PoolToken.objects.get().last_used_at or noted) >= noted


def test_preparing_a_second_host_leaves_the_first_ones_token_and_a_pools_trust_alone(tmp_path: Path) -> None:
    for host in ("a", "b", "a"):
        preparing.open_local_pools(["cpu", "scoring"], tmp_path / host)
    kept = {file: file.read_text() for file in tmp_path.glob("*/*")}
    assert len(set(kept.values())) == 4
    assert all((pools.pool_of(token) or Pool()).slug == file.name for file, token in kept.items())
    assert set(PoolToken.objects.values_list("name", flat=True)) == {socket.gethostname()}
    Pool.objects.filter(slug="cpu").update(trusted=True)
    preparing.open_local_pools(["cpu"], tmp_path / "c")
    assert Pool.objects.get(slug="cpu").trusted


def test_a_token_has_the_name_that_the_machines_agents_go_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODIUM_AGENT_HOST", "lab-3")
    preparing.open_local_pools(["cpu"], tmp_path)
    assert PoolToken.objects.get().name == "lab-3"


@pytest.fixture
def run() -> JobSpec:
    """An attempt of a long run that has just begun."""
    make_submission(make_contest(limits=Limits(wall_s=36_000)), make_user("runs"))
    return Host().must_claim()


def later(job_id: str, time: dt.timedelta) -> None:
    """So much time passes, with no word of the host."""
    job = Job.objects.get(pk=job_id)
    assert job.claimed_at is not None
    assert job.lease_until is not None
    Job.objects.filter(pk=job_id).update(claimed_at=job.claimed_at - time, lease_until=job.lease_until - time)


def said_to_all_calls(spec: JobSpec) -> set[tuple[int, str]]:
    host, digest = Host(), spec.inputs[0].sha256
    answers = [
        host.heartbeat(spec),
        host.on_job("GET", spec, f"blobs/{digest}"),
        host.on_job("PUT", spec, f"files/{digest}", b"id,target\n"),
        host.finish(spec),
        host.on_job("POST", spec, "give-back", {"attempt": spec.attempt, "reason": "x"}),
    ]
    return {
        (answer.status_code, json.loads(answer.content)["detail"].partition(" at ")[0]) for answer in answers
    }


def test_a_jobs_token_ends_a_week_after_its_run_must_be_over_however_lively_its_host(run: JobSpec) -> None:
    later(run.job_id, lease.TOKEN_GRACE + dt.timedelta(hours=9, minutes=59))
    assert Host().heartbeat(run).status_code == 200
    later(run.job_id, dt.timedelta(seconds=60))
    assert said_to_all_calls(run) == {(409, "The time of this attempt's token was over")}
    assert Job.objects.get().status == Job.Status.RUNNING
    later(run.job_id, dt.timedelta(hours=1))  # no word of it was a sign of life
    assert Host().heartbeat(Host(name="host-2").must_claim()).status_code == 200


def test_a_result_that_waited_for_the_site_for_days_counts(run: JobSpec) -> None:
    later(run.job_id, dt.timedelta(days=6))
    assert Host().finish(run, files={SUBMISSION_FILE: b"id,target\n3,1\n4,1\n"}).status_code == 200
    assert Job.objects.get(pk=run.job_id).status == Job.Status.FINISHED
