"""Access to private topics: `<expiry>.<signature>`, HMAC-SHA256 over topic and expiry.

A token opens one topic until it expires. It travels in the address because browsers cannot give an
EventSource a header, so it may end up in access logs: sign for hours, not for weeks. A stream that is open
stays open.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time

_EXPIRY = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)


def _signature(secret: str, topic: str, expiry: int) -> str:
    # A key of its own: a signature made with the same secret elsewhere is never a token here.
    key = hashlib.sha256(b"podium.live.token\0" + secret.encode()).digest()
    digest = hmac.digest(key, f"{topic}\n{expiry}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def sign(secret: str, topic: str, ttl_s: float, now: float | None = None) -> str:
    """A token for `topic` that is good for `ttl_s` seconds from `now` (Unix time; default: the clock's)."""
    expiry = int((time.time() if now is None else now) + ttl_s)
    return f"{expiry}.{_signature(secret, topic, expiry)}"


def check(secret: str, topic: str, token: str, now: float | None = None) -> bool:
    """Whether `token` opens `topic` at `now`. Takes any text; compares in constant time."""
    expiry_text, _, signature = token.partition(".")
    if not _EXPIRY.fullmatch(expiry_text):
        return False
    expiry = int(expiry_text)
    genuine = hmac.compare_digest(
        _signature(secret, topic, expiry).encode(), signature.encode("utf-8", "replace")
    )
    return genuine and expiry > (time.time() if now is None else now)
