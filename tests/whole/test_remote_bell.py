"""A runner host that is not on our broker hears the bell on a live stream of its pool's own."""

from __future__ import annotations

import httpx
import pytest

from runners.agent.bell import Bell, StreamListener
from runners.agent.site import Refused, Site
from tests.stack import Stack

pytestmark = pytest.mark.timeout(300)


def token_of(stack: Stack, slug: str) -> str:
    return (stack.var / "secrets" / "pools" / slug).read_text().strip()


def test_a_bell_reaches_a_host_without_the_broker(stack: Stack) -> None:
    site, bell = Site(stack.url), Bell()
    StreamListener("cpu", bell, lambda: site.listen(token_of(stack, "cpu"))).start()
    assert bell.wait(10)  # the stream is open; one may have been missed before
    stack.submit()
    assert bell.wait(5)


def test_a_wrong_pool_token_hears_nothing(stack: Stack) -> None:
    with pytest.raises(Refused):
        next(iter(Site(stack.url).listen("pool_wrong")))


def test_a_pools_stream_is_not_public_and_its_address_opens_no_other(stack: Stack) -> None:
    headers = {"Authorization": f"Bearer {token_of(stack, 'cpu')}"}
    address = httpx.post(f"{stack.url}/runner/v1/bell", headers=headers).json()["address"]
    assert httpx.get(f"{stack.url}{address.partition('?')[0]}").status_code == 401
    assert httpx.get(f"{stack.url}{address.replace('pool.cpu', 'pool.scoring')}").status_code == 401
