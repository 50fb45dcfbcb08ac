"""Sending files to a browser: always as a file to save, never as a page of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator
from pathlib import Path
from typing import cast

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header

from contests import blobs
from contests.models import Blob

# Whatever a browser makes of the bytes, it may do nothing with them on our origin.
_INERT = "default-src 'none'; sandbox"


def attachment(request: HttpRequest, blob: Blob, filename: str) -> HttpResponseBase:
    """The blob's bytes, streamed piece by piece."""
    pieces = _pieces(blobs.path_of(blob.sha256))
    return streamed(request, pieces, filename=filename, size=blob.size, etag=blob.sha256)


def streamed(
    request: HttpRequest, pieces: Generator[bytes, None, None], *, filename: str, size: int | None, etag: str
) -> HttpResponseBase:
    """The pieces as a file of `size` bytes (None: not known before), or 304 to whoever has this `etag` already."""
    # A reader may take hours, and needs the database no more.
    if not connection.in_atomic_block:
        connection.close()
    headers = {
        "Content-Disposition": content_disposition_header(as_attachment=True, filename=filename)
        or "attachment",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": _INERT,
        "Cache-Control": "private, no-cache",  # who may read it is asked every time
        "ETag": f'"{etag}"',
    }
    if size is not None:
        headers["Content-Length"] = str(size)
    response = StreamingHttpResponse(
        # Under ASGI, Django would read a plain iterator to its end before it sends the first byte.
        _off_the_loop(pieces) if isinstance(request, ASGIRequest) else pieces,
        content_type="application/octet-stream",
        headers=headers,
    )
    # Django's own middleware hands it streams too; only the stubs know no better.
    asked = get_conditional_response(request, etag=f'"{etag}"', response=cast("HttpResponse", response))
    return response if asked is None else asked


def _pieces(path: Path) -> Generator[bytes, None, None]:
    with path.open("rb") as file:
        yield from blobs.chunks_of(file)


def _next(pieces: Generator[bytes, None, None]) -> bytes:
    return next(pieces, b"")


async def _off_the_loop(pieces: Generator[bytes, None, None]) -> AsyncIterator[bytes]:
    """Closing waits for a piece that is being read: a reader may hang up at any moment."""
    reading: asyncio.Future[bytes] | None = None
    try:
        while True:
            reading = asyncio.ensure_future(sync_to_async(_next)(pieces))
            piece = await asyncio.shield(reading)
            if not piece:
                return
            yield piece
    finally:
        if reading is not None and not reading.done():
            reading.add_done_callback(lambda _: pieces.close())
        else:
            pieces.close()
