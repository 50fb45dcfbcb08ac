"""How often somebody may ask: counted in a real broker, and not at all while it is away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django.fixtures import Settings
from rest_framework.settings import api_settings

from live import breaker
from rest import throttles
from tests.builders import make_api_token, make_contest, make_user
from tests.valkey import running_valkey

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def broker(services: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_valkey(tmp_path_factory.mktemp("v")) as url:
        yield url


@pytest.fixture
def few(settings: Settings, broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small limits, counted in a broker of this test's own; the minute does not end meanwhile."""
    settings.CACHES = {"default": {"BACKEND": "config.cache.ForgivingRedisCache", "LOCATION": broker}}
    settings.API_RATES = {"anonymous": 3, "user": 5, "uploads": 2, "tokens": 1, "board": 4}
    monkeypatch.setattr(breaker.BROKER, "_closed_until", float("-inf"))
    cache.clear()
    now = time.time()
    window = next(length for length in (throttles.WINDOW_S, 3600, 3500) if now % length < length - 20)
    monkeypatch.setattr(throttles, "WINDOW_S", window)


def bearer(name: str) -> dict[str, str]:
    return {"authorization": f"Token {make_api_token(make_user(name))}"}


def statuses(times: int, path: str = "/api/v1/contests/", **headers: str) -> list[int]:
    return [Client().get(path, headers=headers).status_code for _ in range(times)]


def test_who_asks_too_often_is_told_when_to_come_back(few: None) -> None:
    assert statuses(4) == [200, 200, 200, 429]
    answer = Client().get("/api/v1/contests/", headers={"accept-language": "en"})
    seconds = int(answer["Retry-After"])
    assert 1 <= seconds <= 3600
    assert answer.json()["code"] == "throttled"
    assert "Try again in" in answer.json()["detail"]


def test_it_is_said_in_the_language_that_was_asked_for(few: None) -> None:
    statuses(3)
    answer = Client().get("/api/v1/contests/", headers={"accept-language": "zh-hans"})
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) >= 1
    assert not answer.json()["detail"].isascii()


def test_each_person_has_a_count_of_their_own(few: None) -> None:
    alice, bob = bearer("alice"), bearer("bob")
    assert statuses(6, **alice) == [200] * 5 + [429]
    assert statuses(1, **bob) == [200]


def test_handing_in_has_its_own_count(few: None) -> None:
    make_contest()
    alice = bearer("alice")

    def hand_in() -> Any:
        data = {"file": SimpleUploadedFile("a.py", b"print(1)")}
        return Client().post("/api/v1/contests/digits/submissions/", data, headers=alice).status_code

    assert [hand_in() for _ in range(3)] == [201, 201, 429]
    assert statuses(1, **alice) == [200]


def test_making_tokens_is_counted_as_a_login_is(few: None) -> None:
    alice = bearer("alice")

    def make() -> int:
        return (
            Client()
            .post("/api/v1/me/tokens/", data={"name": "x"}, content_type="application/json", headers=alice)
            .status_code
        )

    assert [make(), make()] == [201, 429]


def test_a_class_behind_one_address_may_watch_the_board(few: None) -> None:
    make_contest()
    assert statuses(5, "/api/v1/contests/digits/leaderboard/") == [200] * 4 + [429]
    assert statuses(1) == [200]


def test_an_address_that_a_client_claims_counts_only_behind_our_proxy(
    few: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed = [statuses(1, **{"x-forwarded-for": f"10.0.0.{n}"})[0] for n in range(4)]
    assert claimed == [200, 200, 200, 429]
    monkeypatch.setattr(api_settings, "NUM_PROXIES", 1)
    assert statuses(1, **{"x-forwarded-for": "10.0.0.9"}) == [200]
    # A proxy adds the address it saw behind what the client wrote.
    assert [statuses(1, **{"x-forwarded-for": f"6.6.6.{n}, 10.0.0.8"})[0] for n in range(4)] == [
        200,
        200,
        200,
        429,
    ]


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff", "2001:db8::/64"),
        ("nonsense", "unknown"),
        ("", "unknown"),
    ],
)
def test_an_ipv6_subscriber_is_one_address(address: str, counted: str) -> None:
    assert throttles.home(address) == counted


def test_without_a_broker_everybody_is_served(few: None, settings: Settings, tmp_path: Path) -> None:
    away = f"unix://{tmp_path}/away.sock"
    settings.CACHES = {"default": {"BACKEND": "config.cache.ForgivingRedisCache", "LOCATION": away}}
    assert statuses(8) == [200] * 8


def test_zero_means_no_limit_and_runner_hosts_have_none(few: None, settings: Settings) -> None:
    settings.API_RATES = dict.fromkeys(site.API_RATES, 0)
    assert statuses(8) == [200] * 8
    settings.API_RATES = dict.fromkeys(site.API_RATES, 1)
    answers = {Client().post("/runner/v1/claim", b"{}", "application/json").status_code for _ in range(4)}
    assert 429 not in answers
