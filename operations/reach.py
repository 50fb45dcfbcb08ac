"""Who can reach the site that is about to start: settled before anything runs, or refused in one line.

Secure by default: nothing listens beyond this machine unless the operator says under which address it is reached,
and that address says whether passwords travel encrypted.
"""

from __future__ import annotations

import dataclasses
import socket

import psutil

from operations.processes import Machine
from operations.public_address import BadAddress, PublicAddress, is_loopback, parse
from operations.running import NotPossible, Say

HTTP_PORT = 80


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the operator said: SITE, and the settings that can take its place."""

    site: str
    plain_http: bool
    behind_proxy: bool
    names_hosts: bool  # PODIUM_ALLOWED_HOSTS


def settle(chosen: Machine, wishes: Wishes) -> Machine:
    """`chosen` with its public address and what that implies. Raises NotPossible."""
    if not wishes.site:
        return _without_address(chosen, wishes)
    try:
        address = parse(wishes.site)
    except BadAddress as error:
        raise NotPossible(f"SITE={error}") from error
    if address.encrypted:
        return _encrypted(chosen, wishes, address)
    return _plain(chosen, wishes, address)


def _without_address(chosen: Machine, wishes: Wishes) -> Machine:
    """On this machine alone all is well; beyond it somebody has to say how the site is called."""
    if is_loopback(chosen.host):
        plain = wishes.plain_http or not wishes.behind_proxy
        return dataclasses.replace(chosen, plain_http=plain, behind_proxy=wishes.behind_proxy)
    if wishes.names_hosts and (wishes.plain_http or wishes.behind_proxy):
        return dataclasses.replace(chosen, plain_http=wishes.plain_http, behind_proxy=wishes.behind_proxy)
    examples = " or ".join(f"SITE=http://{name}:{chosen.port}" for name in own_names()[:2])
    raise NotPossible(
        f"HOST={chosen.host} lets others in: say the address they type, for example make run "
        f"HOST={chosen.host} PORT={chosen.port} {examples or f'SITE=http://THIS-MACHINE:{chosen.port}'} (without TLS: "
        "for a network you trust), or see docs/operate.md for https."
    )


def _encrypted(chosen: Machine, wishes: Wishes, address: PublicAddress) -> Machine:
    if wishes.plain_http:
        raise NotPossible(
            f"SITE={address.url} is encrypted and PODIUM_PLAIN_HTTP=1 says it is not: unset one."
        )
    if not is_loopback(chosen.host) and not wishes.behind_proxy:
        raise NotPossible(
            f"SITE={address.url} needs a proxy that speaks TLS: leave HOST out when it runs on this machine, or, when "
            f"it runs elsewhere and a firewall lets nobody else reach port {chosen.port}, set PODIUM_BEHIND_PROXY=1."
        )
    # Listening on the loopback address, only a proxy of this machine can be what speaks TLS in front.
    return dataclasses.replace(chosen, site=address.url, plain_http=False, behind_proxy=True)


def _plain(chosen: Machine, wishes: Wishes, address: PublicAddress) -> Machine:
    if not wishes.behind_proxy:
        if is_loopback(chosen.host) and not address.is_this_machine_only:
            raise NotPossible(
                f"nobody reaches {address.url}: Podium would listen on {chosen.host} only. Add HOST=0.0.0.0."
            )
        if address.port is None and chosen.port != HTTP_PORT:
            address = dataclasses.replace(address, port=chosen.port)
        elif (address.port or HTTP_PORT) != chosen.port:
            raise NotPossible(
                f"SITE={address.url} and PORT={chosen.port} name two ports: write the same one in both."
            )
    return dataclasses.replace(chosen, site=address.url, plain_http=True, behind_proxy=wishes.behind_proxy)


def tell(chosen: Machine, say: Say) -> None:
    """What an operator should know about the address."""
    if chosen.plain_http and not (is_loopback(chosen.host) and not chosen.behind_proxy):
        say("warning: without TLS, passwords and submissions can be read on the way (docs/operate.md: https)")
    if not chosen.plain_http:
        say(
            f"it expects a proxy that speaks TLS in front of {chosen.url} (docs/operate.md has configurations)"
        )


def own_names() -> list[str]:
    """Addresses under which others in the same network may reach this machine, the likeliest first."""
    found = [
        entry.address
        for name, entries in psutil.net_if_addrs().items()
        for entry in entries
        if entry.family == socket.AF_INET
        and not is_loopback(entry.address)
        and not name.startswith(("docker", "br-"))
    ]
    return [*found, socket.gethostname()]
