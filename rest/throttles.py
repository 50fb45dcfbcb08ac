"""How often one person or address may ask: so many requests a minute by scope (settings.API_RATES; 0: no limit).

A window is a minute by the clock and one counter in the cache, so the count is exact across processes. When the
cache is away nobody is held up: it counts nothing then (config.cache). Pages that take or give files count in the
same scopes as the API (`a_minute`): who is held up here is held up there.
"""

from __future__ import annotations

import functools
import ipaddress
import math
import time
from collections.abc import Callable, Collection
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

WINDOW_S = 60
IPV6_HOME = 64  # bits that one subscriber has for themselves
View = Callable[..., HttpResponseBase]


class PerMinute(BaseThrottle):
    """The scope is what the view names for the method (`scopes`), else "user" or "anonymous"."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        scope = getattr(view, "scopes", {}).get("GET" if request.method == "HEAD" else request.method)
        return _may_ask(request, scope)

    def wait(self) -> float:
        return seconds_left()


def a_minute(scope: str, methods: Collection[str] = ("GET", "HEAD")) -> Callable[[View], View]:
    """For a page: its requests by these methods count in the scope, and one too many is answered 429."""

    def wrap(view: View) -> View:
        @functools.wraps(view)
        def counted(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method in methods and not _may_ask(request, scope):
                return too_many(request)
            return view(request, *args, **kwargs)

        return counted

    return wrap


def too_many(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """The page of an answer 429; also what allauth shows."""
    seconds = math.ceil(seconds_left())
    answer = render(request, "429.html", {"seconds": seconds}, status=429)
    answer["Retry-After"] = str(seconds)
    return answer


def seconds_left() -> float:
    return WINDOW_S - time.time() % WINDOW_S


def _may_ask(request: HttpRequest | Request, scope: str | None) -> bool:
    known = bool(request.user and request.user.is_authenticated)
    scope = scope or ("user" if known else "anonymous")
    if (
        not known and f"anonymous_{scope}" in settings.API_RATES
    ):  # many people without a login share an address
        scope = f"anonymous_{scope}"
    limit = settings.API_RATES[scope]
    if not limit:
        return True
    # DRF reads the address off the headers (settings.REST_FRAMEWORK["NUM_PROXIES"]), whoever's request it is.
    address = BaseThrottle().get_ident(request)  # type: ignore[arg-type]
    who = f"user-{request.user.pk}" if known else f"address-{home(address or '')}"
    return _count(f"api:{scope}:{who}:{int(time.time() // WINDOW_S)}") <= limit


def _count(key: str) -> int:
    cache.add(key, 0, timeout=WINDOW_S * 2)
    try:
        return cache.incr(key)
    except ValueError:  # the cache lost it in between
        return 0


def home(address: str) -> str:
    """What counts as one address: an IPv6 subscriber has 2**64 of them."""
    try:
        parsed = ipaddress.ip_address(unmapped(address.strip()))
    except ValueError:
        return "unknown"
    if parsed.version == 4:  # noqa: PLR2004
        return str(parsed)
    return str(ipaddress.ip_network((parsed, IPV6_HOME), strict=False))


def unmapped(address: str) -> str:
    """The IPv4 address of a client that a server for both families sees: all of them lie in one network of IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return address if mapped is None else str(mapped)
