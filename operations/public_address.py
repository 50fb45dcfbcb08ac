"""The address that people type: what it implies for a site, and whether this machine can answer there.

    http://host[:port]     browsers come straight to us, without TLS: cookies travel unprotected
    https://host[:port]    a reverse proxy speaks TLS in front of us; what it says of the client is believed

Standard library only: Django's settings are derived from it.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound
_HOST = re.compile(r"(?i)[a-z0-9]([a-z0-9.-]{0,252}[a-z0-9])?|\[[0-9a-f:.]+\]")
_USUAL_PORT = {"http": 80, "https": 443}


class BadAddress(ValueError):
    """What was given is no address of a site; one line that says what is expected."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PublicAddress:
    scheme: str
    host: str  # an IPv6 address in brackets
    port: int | None  # None: the scheme's own

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}" + (f":{self.port}" if self.port else "")

    @property
    def encrypted(self) -> bool:
        return self.scheme == "https"

    @property
    def is_this_machine_only(self) -> bool:
        return self.host in LOOPBACK


def parse(text: str) -> PublicAddress:
    """`http://contest.example.edu:8000`, without a path. Raises BadAddress."""
    wrong = BadAddress(
        f"{text!r} is no address of a site: write http://NAME:PORT or https://NAME, for example "
        "http://192.168.1.20:8000"
    )
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise wrong from None
    host, bracketed = parts.hostname or "", f"[{parts.hostname}]" in parts.netloc
    host = f"[{host}]" if bracketed else host
    rest = (parts.path.strip("/"), parts.query, parts.fragment, parts.username)
    if parts.scheme not in _USUAL_PORT or not _HOST.fullmatch(host) or any(rest) or port == 0:
        raise wrong
    return PublicAddress(
        scheme=parts.scheme, host=host, port=None if port == _USUAL_PORT[parts.scheme] else port
    )


def is_loopback(host: str) -> bool:
    """Whether who listens on this address is reached from this machine alone."""
    if host in LOOPBACK:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def allowed_hosts(named: list[str], address: PublicAddress | None) -> list[str]:
    """The names a site answers to. The loopback ones are always among them: its own agent comes that way."""
    own = [address.host] if address is not None else []
    return list(dict.fromkeys((*named, *own, *LOOPBACK)))


def trusted_origins(named: list[str], address: PublicAddress | None) -> list[str]:
    own = [address.url] if address is not None else []
    return list(dict.fromkeys((*named, *own)))
