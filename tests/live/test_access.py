"""Who may listen to what, and how much of it."""

from __future__ import annotations

import json
import time

import pytest

from live import tokens
from live.admission import address_of
from live.publish import Publisher
from tests.live.client import SECRET, WAIT_S, HubProcess, Listener, StartHub

TOPIC = "submission.5f0c6f0e-0000-4000-8000-000000000001"
OTHER = "submission.5f0c6f0e-0000-4000-8000-000000000002"


def test_a_private_topic_opens_with_its_token(hub: HubProcess, publisher: Publisher) -> None:
    listener = hub.listen(f"{TOPIC}?token={tokens.sign(SECRET, TOPIC, 60)}")
    assert listener.status == 200
    assert listener.next().name == "reset"
    publisher.publish_next(TOPIC, "status", {"status": "RUNNING"})
    publisher.publish_next(TOPIC, "log", {"offset": 0, "text": "hello"})
    listener.next()
    assert listener.next().json == {"offset": 0, "text": "hello"}


# Under names of their own: what pytest calls a test must be the same in each of its workers, and these tell the time.
WRONG = {
    "none": "",
    "no moment": "x",
    "a point": ".",
    "no signature": "9999999999.",
    "no real signature": "9999999999.x",
    "before all time": "-1.x",
    "an odd digit": "٣.x",
    "signed by another": tokens.sign("another secret", TOPIC, 60),
    "of another submission": tokens.sign(SECRET, OTHER, 60),
    "of a board": tokens.sign(SECRET, "board.1", 60),
    "over": tokens.sign(SECRET, TOPIC, -1),
    "cut": tokens.sign(SECRET, TOPIC, 60)[:-1],
    "of a later moment": "1" + tokens.sign(SECRET, TOPIC, 60),
}


@pytest.mark.parametrize("token", WRONG.values(), ids=WRONG.keys())
def test_no_other_token_opens_a_private_topic(token: str) -> None:
    assert not tokens.check(SECRET, TOPIC, token)


def test_a_token_dies_at_its_expiry() -> None:
    token = tokens.sign(SECRET, TOPIC, ttl_s=60, now=1000)
    assert tokens.check(SECRET, TOPIC, token, now=1059.9)
    assert not tokens.check(SECRET, TOPIC, token, now=1060)


def test_the_hub_refuses_a_missing_a_wrong_an_expired_and_another_topics_token(hub: HubProcess) -> None:
    bad = (
        "",
        "?token=x",
        f"?token={tokens.sign(SECRET, TOPIC, -1)}",
        f"?token={tokens.sign(SECRET, OTHER, 60)}",
    )
    for query in bad:
        status, headers, answer = hub.ask(f"/live/{TOPIC}{query}")
        assert (status, headers["content-type"]) == (401, "application/json")
        assert "token" in json.loads(answer)["detail"]


def test_a_topic_is_private_unless_its_prefix_is_public(start_hub: StartHub) -> None:
    hub = start_hub(public_prefixes=["open."])
    assert hub.listen("open.1").status == 200
    assert hub.ask("/live/board.1")[0] == 401


@pytest.mark.parametrize(
    "name",
    [
        "",
        "board",
        "board.",
        ".1",
        "Board.1",
        "board.1/",
        "board.1%0A",
        "board.%2a",
        "board..1",
        "*",
        "board.1%2F..",
        "b.é",
    ],
)
def test_a_name_that_no_topic_has_is_404(hub: HubProcess, name: str) -> None:
    status, _, answer = hub.ask(f"/live/{name.replace('é', '%C3%A9')}")
    assert status == 404
    assert json.loads(answer)["detail"]


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "OPTIONS", "DELETE"])
def test_other_methods_than_get_are_405(hub: HubProcess, method: str) -> None:
    status, headers, _ = hub.ask("/live/board.1", method)
    assert (status, headers["allow"]) == (405, "GET")


def test_everything_else_goes_to_the_site(hub: HubProcess) -> None:
    assert hub.ask("/contests/digits/")[2] == b"site http /contests/digits/"
    assert hub.ask("/live")[2] == b"site http /live"
    assert hub.ask("/lively/board.1", "POST")[2] == b"site http /lively/board.1"


def opened(hub: HubProcess, count: int, **headers: str) -> list[Listener]:
    listeners = [hub.listen("board.1", **headers) for _ in range(count)]
    assert {listener.status for listener in listeners} == {200}
    return listeners


def test_an_address_may_hold_so_many_streams_and_gets_a_place_back(start_hub: StartHub) -> None:
    hub = start_hub(per_address=3)
    listeners = opened(hub, 3)
    status, headers, answer = hub.ask("/live/board.1")
    assert (status, headers["retry-after"]) == (429, "10")
    assert "too many" in json.loads(answer)["detail"]
    listeners[0].close()
    deadline = time.monotonic() + WAIT_S
    while (again := hub.listen("board.1")).status == 429:
        assert time.monotonic() < deadline
    assert again.status == 200


def test_all_addresses_together_may_hold_so_many_streams(start_hub: StartHub) -> None:
    hub = start_hub(per_address=10, total=2)
    opened(hub, 2)
    assert hub.ask("/live/board.1")[0] == 503


def test_the_usual_limit_of_open_files_is_raised_for_the_streams(start_hub: StartHub) -> None:
    opened(start_hub(files=300), 320)


def test_a_forwarded_address_counts_only_behind_a_proxy_of_ours(start_hub: StartHub) -> None:
    exposed = start_hub(per_address=1)
    opened(exposed, 1, X_Forwarded_For="192.0.2.1")
    assert exposed.listen("board.1", X_Forwarded_For="192.0.2.2").status == 429
    proxied = start_hub(per_address=1, proxies=1)
    opened(proxied, 1, X_Forwarded_For="192.0.2.1")
    opened(proxied, 1, X_Forwarded_For="192.0.2.2")
    # What the client itself wrote stands left of what our proxy appended.
    assert proxied.listen("board.1", X_Forwarded_For="192.0.2.3, 192.0.2.2").status == 429


def test_one_ipv6_household_is_one_address() -> None:
    def seen(address: str) -> str:
        return address_of({"client": (address, 1), "headers": []}, 0)

    assert seen("2001:db8:1:2::1") == seen("2001:db8:1:2:ffff::9") != seen("2001:db8:1:3::1")
    assert seen("::ffff:192.0.2.1") == seen("192.0.2.1")
    assert seen("testclient") == "testclient"


def test_no_browser_takes_a_stream_or_a_refusal_for_a_page(hub: HubProcess) -> None:
    _status, refused, _answer = hub.ask("/live/submission.none")
    assert refused["x-content-type-options"] == "nosniff"
    assert hub.listen("board.1").response.headers["x-content-type-options"] == "nosniff"
