"""One broker, two ways of writing its address: redis-py's, which is ours, and Celery's."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode


def for_celery(url: str) -> str:
    """`unix://:password@/path?db=1` is `redis+socket://:password@/path?virtual_host=1` there; the rest is the same.

    But with TLS Celery believes any certificate unless told not to, where redis-py checks it by itself.
    """
    place, _, query = url.partition("?")
    told = {name: values[-1] for name, values in parse_qs(query).items()}
    if place.startswith("rediss://"):
        told.setdefault("ssl_cert_reqs", "required")
    if place.startswith("unix://"):
        place = place.replace("unix://", "redis+socket://", 1)
        if "db" in told:
            told["virtual_host"] = told.pop("db")
    return place + (f"?{urlencode(told)}" if told else "")
