"""The hub alone, for `live_fanout`: no site behind it."""

from __future__ import annotations

import os

from live.asgi import Live, LiveSettings
from live.protocol import Receive, Scope, Send


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


redis_url = os.environ["PODIUM_REDIS_URL"]  # noqa: TID251 - a process of its own, which the benchmark starts
app = Live(nothing, LiveSettings(redis_url=redis_url, secret="unused"))
