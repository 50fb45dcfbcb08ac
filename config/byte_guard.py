"""Refuses bodies over their limit while they stream in, before Django sees a byte. Pure ASGI.

A body with an honest Content-Length is refused at once; one without is counted. After the answer more of the body is
read and thrown away, up to a limit: a client that is still sending would else see a reset, not the answer. Then the
connection is cut, whatever is still to come.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable

from live.protocol import Application, Message, Receive, Scope, Send

DRAIN_S = 20.0
DRAIN_BYTES = 256 << 20
HANDING_IN = ("/submissions/", "/submit/")


class _TooLarge(Exception):
    pass


class ByteGuard:
    """`limit_for(path)` gives the most bytes a request to that path may carry, and the megabytes to speak of."""

    def __init__(self, inner: Application, limit_for: Callable[[str], tuple[int, int]]) -> None:
        self._inner = inner
        self._limit_for = limit_for

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        limit, megabytes = self._limit_for(scope["path"])
        if _announced(scope) > limit:
            await _refuse(megabytes, scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise _TooLarge
            return message

        try:
            await self._inner(scope, counted, send)
        except _TooLarge:
            await _refuse(megabytes, scope, receive, send)


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


def _sentence(megabytes: int, scope: Scope) -> str:
    # Django, and with it gettext, is behind this guard.
    accepted = next((value for name, value in scope["headers"] if name == b"accept-language"), b"")
    cookies = next((value for name, value in scope["headers"] if name == b"cookie"), b"")
    hint = scope["path"].endswith(HANDING_IN)
    if b"django_language=zh" in cookies or (
        b"django_language=" not in cookies and accepted.startswith(b"zh")
    ):
        said = f"上传的内容超过了 {megabytes} MB 的上限，没有保存任何内容。"
        return f"{said}如果是笔记本，请先清除其中的输出。" if hint else said
    said = f"The upload is larger than the limit of {megabytes} MB. Nothing was kept."
    return f"{said} If it is a notebook, clear its outputs first." if hint else said


async def _refuse(megabytes: int, scope: Scope, receive: Receive, send: Send) -> None:
    body = json.dumps(
        {"detail": _sentence(megabytes, scope), "code": "too_large", "errors": {}}, ensure_ascii=False
    ).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"connection", b"close"),  # else the server itself would read the rest, however long it is
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    # Whole for the client; to the server it ends only after the drain, for then `receive` hears nothing more.
    await send({"type": "http.response.body", "body": body, "more_body": True})
    await _drain(receive)
    await send({"type": "http.response.body"})


async def _drain(receive: Receive) -> None:
    left = DRAIN_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            while left > 0:
                message = await receive()
                if message["type"] != "http.request" or not message.get("more_body"):
                    return
                left -= len(message.get("body", b""))
