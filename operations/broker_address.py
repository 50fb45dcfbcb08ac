"""One broker, two ways of writing its address: redis-py's, which is ours, and Celery's."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode


def for_celery(url: str) -> str:
    """`unix://:password@/path?db=1` is `redis+socket://:password@/path?virtual_host=1` there; the rest is the same."""
    if not url.startswith("unix://"):
        return url
    place, _, query = url.partition("?")
    told = {name: values[-1] for name, values in parse_qs(query).items()}
    if "db" in told:
        told["virtual_host"] = told.pop("db")
    return place.replace("unix://", "redis+socket://", 1) + (f"?{urlencode(told)}" if told else "")
