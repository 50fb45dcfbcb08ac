"""How many streams one address, and all together, may hold."""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
from collections import Counter
from collections.abc import Iterator

from live.protocol import Scope

IPV6_SITE_BITS = 64  # what one household or host gets: each address within it is the same client


@dataclasses.dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    detail: str


class Admission:
    def __init__(self, *, per_address: int, total: int) -> None:
        self._per_address = per_address
        self._total = total
        self._open: Counter[str] = Counter()
        self._open_in_all = 0

    @contextlib.contextmanager
    def place_for(self, address: str) -> Iterator[Refusal | None]:
        """Holds a place while entered, or yields why there is none."""
        if self._open_in_all >= self._total:
            yield Refusal(503, "The server has no room for more live connections at the moment.")
            return
        if self._open[address] >= self._per_address:
            yield Refusal(429, "There are too many live connections from your network address.")
            return
        self._open[address] += 1
        self._open_in_all += 1
        try:
            yield None
        finally:
            self._open_in_all -= 1
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]


def address_of(scope: Scope, proxies: int) -> str:
    """Whom a request counts against; `proxies` as in LiveSettings.

    Each proxy appends the address that it saw, so only the last `proxies` entries are our own proxies' word.
    """
    address: str = (scope.get("client") or ("",))[0]
    if proxies:
        said = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
        chain = [entry.strip() for entry in ",".join(said).split(",") if entry.strip()]
        address = chain[-proxies] if len(chain) >= proxies else address
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed.packed, IPV6_SITE_BITS), strict=False))
