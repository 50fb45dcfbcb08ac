"""Who can reach a site, by what the operator said: safe when nothing is said, and refused with a line that helps."""

from __future__ import annotations

from pathlib import Path

import pytest

from operations import public_address, reach, running
from operations.processes import Machine
from operations.public_address import BadAddress
from operations.reach import Wishes
from operations.running import NotPossible


def settled(
    site: str = "",
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    plain_http: bool = False,
    behind_proxy: bool = False,
    names_hosts: bool = False,
) -> Machine:
    chosen = running.machine(port=port, host=host, var=Path("unused"))
    wishes = Wishes(site=site, plain_http=plain_http, behind_proxy=behind_proxy, names_hosts=names_hosts)
    return reach.settle(chosen, wishes)


def test_nothing_said_serves_this_machine_alone_without_tls() -> None:
    chosen = settled()
    assert (chosen.address, chosen.plain_http, chosen.behind_proxy) == ("http://127.0.0.1:8000", True, False)


def test_letting_others_in_without_an_address_is_refused_with_a_line_that_works() -> None:
    with pytest.raises(NotPossible) as caught:
        settled(host="0.0.0.0")
    said = str(caught.value)
    assert "\n" not in said
    suggested = said.partition("make run ")[2].partition(" (")[0]
    options = dict(word.split("=", 1) for word in suggested.split() if "=" in word)
    assert settled(options["SITE"], host=options["HOST"], port=int(options["PORT"])).plain_http


def test_an_address_with_http_is_plain_and_warned_about() -> None:
    chosen = settled("http://192.168.1.20:8000", host="0.0.0.0")
    assert (chosen.address, chosen.plain_http) == ("http://192.168.1.20:8000", True)
    told = chosen.environment()
    assert told["PODIUM_SITE"] == "http://192.168.1.20:8000"
    said: list[str] = []
    reach.tell(chosen, said.append)
    assert "without TLS" in said[0]


def test_the_port_may_be_left_out_of_the_address_but_not_contradicted() -> None:
    assert settled("http://contest.example.edu", host="0.0.0.0").address == "http://contest.example.edu:8000"
    assert (
        settled("http://contest.example.edu", host="0.0.0.0", port=80).address == "http://contest.example.edu"
    )
    with pytest.raises(NotPossible, match="two ports"):
        settled("http://contest.example.edu:9000", host="0.0.0.0")


def test_an_address_that_nobody_could_reach_is_refused() -> None:
    with pytest.raises(NotPossible, match=r"Add HOST=0\.0\.0\.0"):
        settled("http://192.168.1.20:8000")


def test_https_on_the_loopback_address_means_a_proxy_on_this_machine() -> None:
    chosen = settled("https://contest.example.edu")
    assert (chosen.plain_http, chosen.behind_proxy) == (False, True)
    assert chosen.environment()["PODIUM_BEHIND_PROXY"] == "1"
    assert chosen.environment()["PODIUM_PLAIN_HTTP"] == "0"


def test_https_where_anybody_could_pass_by_the_proxy_must_be_said_aloud() -> None:
    with pytest.raises(NotPossible, match="PODIUM_BEHIND_PROXY=1"):
        settled("https://contest.example.edu", host="0.0.0.0")
    assert settled("https://contest.example.edu", host="0.0.0.0", behind_proxy=True).behind_proxy


def test_settings_made_by_hand_still_work_without_an_address() -> None:
    assert settled(host="0.0.0.0", names_hosts=True, behind_proxy=True).plain_http is False
    assert settled(host="0.0.0.0", names_hosts=True, plain_http=True).plain_http is True
    with pytest.raises(NotPossible):
        settled(host="0.0.0.0", names_hosts=True)


@pytest.mark.parametrize(
    "text",
    [
        "contest.example.edu",
        "ftp://contest.example.edu",
        "https://contest.example.edu/podium",
        "https://user@contest.example.edu",
        "https://contest.example.edu:99999",
        "https://contest.example.edu:abc",
        "https://",
        "http://a b",
        "http://*",
        "http://[::1",
        "http://evil.example.org\\@good.example.org",
    ],
)
def test_what_is_no_address_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(BadAddress, match="no address of a site"):
        public_address.parse(text)
    with pytest.raises(NotPossible, match=r"^SITE="):
        settled(text, host="0.0.0.0")


def test_addresses_are_read_as_browsers_write_them() -> None:
    assert public_address.parse("https://Contest.Example.edu/").url == "https://contest.example.edu"
    assert public_address.parse("https://contest.example.edu:443").url == "https://contest.example.edu"
    assert public_address.parse("http://[2001:db8::1]:8000").url == "http://[2001:db8::1]:8000"


def test_a_site_always_answers_to_its_own_agent() -> None:
    address = public_address.parse("https://contest.example.edu")
    assert public_address.allowed_hosts([], None) == ["127.0.0.1", "localhost", "[::1]"]
    assert public_address.allowed_hosts(["10.0.0.5"], address) == [
        "10.0.0.5",
        "contest.example.edu",
        "127.0.0.1",
        "localhost",
        "[::1]",
    ]
    told = settled("http://10.0.0.5:8000", host="10.0.0.5").environment()
    assert "10.0.0.5" in told["PODIUM_ALLOWED_HOSTS"].split(",")
