"""The tokens of pools in the administration: made and shown once, replaced, revoked after a question."""

from __future__ import annotations

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from compute import pool_tokens, pools
from compute.models import PoolToken
from tests.builders import make_contest, make_pool, make_submission, make_user, pool_token
from tests.judge.host import Host
from tests.pages.reading import read

pytestmark = pytest.mark.django_db
LIST = "/admin/compute/pooltoken/"
SHOWN = re.compile(r"pool_[\w-]{43}")


@pytest.fixture
def root() -> Client:
    client = Client()
    client.force_login(make_user("root", staff=True), backend="django.contrib.auth.backends.ModelBackend")
    return client


def made(root: Client, name: str = "gpu-7") -> str:
    answer = root.post(f"{LIST}add/", {"pool": make_pool("cpu").pk, "name": name})
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    return str(SHOWN.findall(answer.content.decode())[0])


def test_a_token_is_made_for_a_host_and_shown_once(root: Client) -> None:
    token = made(root)
    assert (pools.pool_of(token) or make_pool("other")).slug == "cpu"
    row = PoolToken.objects.get(name="gpu-7")
    assert row.created_by is not None
    text = read(root, LIST).text
    assert all(word in text for word in ("cpu: gpu-7", "root", "Replace · Revoke"))
    for address in (LIST, f"{LIST}{row.pk}/change/", f"{LIST}{row.pk}/history/"):
        assert SHOWN.search(root.get(address).content.decode()) is None


def test_a_revoked_token_claims_nothing_while_what_its_host_runs_goes_on(root: Client) -> None:
    other = made(root)
    make_submission(make_contest(), make_user())
    spec = Host().must_claim()
    page = f"{LIST}{PoolToken.objects.get(name='', pool__slug='cpu').pk}/delete/"
    assert "What they run goes on." in read(root, page).text
    assert pools.pool_of(pool_token("cpu")) is not None
    assert root.post(page, {"post": "yes"}).status_code == 302
    assert Host().call("POST", "claim", pool_token("cpu"), {}).status_code == 401
    assert Host().heartbeat(spec).status_code == 200
    assert pools.pool_of(other) is not None
    assert LogEntry.objects.filter(action_flag=3, object_repr="cpu: –", user__username="root").exists()


def test_a_token_is_replaced_by_another_one_for_the_same_host(root: Client) -> None:
    old = made(root)
    page = f"{LIST}{PoolToken.objects.get(name='gpu-7').pk}/replace/"
    assert "stops working at once" in read(root, page).text
    assert pools.pool_of(old) is not None
    new = SHOWN.findall(root.post(page).content.decode())[0]
    assert pools.pool_of(old) is None
    assert pools.pool_of(new) is not None
    assert PoolToken.objects.filter(name="gpu-7").count() == 1


def test_of_two_who_replace_a_token_at_once_one_makes_another(root: Client) -> None:
    made(root)
    row = PoolToken.objects.get(name="gpu-7")
    pool_tokens.replace(row)
    with pytest.raises(pool_tokens.AlreadyRevoked):
        pool_tokens.replace(row)
    assert PoolToken.objects.filter(name="gpu-7").count() == 1
    assert root.post(f"{LIST}{row.pk}/replace/").status_code == 404


def test_a_name_is_text_and_no_markup(root: Client) -> None:
    made(root, "<img src=x onerror=alert(1)>")
    row = PoolToken.objects.get(name__startswith="<img")
    for address in (LIST, f"{LIST}{row.pk}/change/", f"{LIST}{row.pk}/delete/", f"{LIST}{row.pk}/replace/"):
        assert "<img src=x" not in root.get(address).content.decode()
