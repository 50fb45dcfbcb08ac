"""How often one person or address may ask: so many requests a minute by scope (settings.API_RATES; 0: no limit).

A window is a minute by the clock and one counter in the cache, so the count is exact across processes. When the
cache is away nobody is held up: it counts nothing then (config.cache).
"""

from __future__ import annotations

import ipaddress
import time

from django.conf import settings
from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

WINDOW_S = 60
IPV6_HOME = 64  # bits that one subscriber has for themselves


class PerMinute(BaseThrottle):
    """The scope is what the view names for the method (`scopes`), else "user" or "anonymous"."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        known = bool(request.user and request.user.is_authenticated)
        scope = getattr(view, "scopes", {}).get(request.method) or ("user" if known else "anonymous")
        limit = settings.API_RATES[scope]
        if not limit:
            return True
        who = f"user-{request.user.pk}" if known else f"address-{home(self.get_ident(request) or '')}"
        return _count(f"api:{scope}:{who}:{int(time.time() // WINDOW_S)}") <= limit

    def wait(self) -> float:
        return WINDOW_S - time.time() % WINDOW_S


def _count(key: str) -> int:
    cache.add(key, 0, timeout=WINDOW_S * 2)
    try:
        return cache.incr(key)
    except ValueError:  # the cache lost it in between
        return 0


def home(address: str) -> str:
    """What counts as one address: an IPv6 subscriber has 2**64 of them."""
    try:
        parsed = ipaddress.ip_address(address.strip())
    except ValueError:
        return "unknown"
    if parsed.version == 4:  # noqa: PLR2004
        return str(parsed)
    return str(ipaddress.ip_network((parsed, IPV6_HOME), strict=False))
