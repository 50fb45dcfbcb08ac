"""Sending a blob to a browser: always as a file to save, never as a page of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator
from pathlib import Path

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.http import content_disposition_header

from contests import blobs
from contests.models import Blob

# Whatever a browser makes of the bytes, it may do nothing with them on our origin.
_INERT = "default-src 'none'; sandbox"


def attachment(request: HttpRequest, blob: Blob, filename: str) -> StreamingHttpResponse:
    """The blob's bytes, streamed piece by piece."""
    path = blobs.path_of(blob.sha256)
    # A reader may take hours, and needs the database no more.
    if not connection.in_atomic_block:
        connection.close()
    # Under ASGI, Django would read a plain iterator to its end before it sends the first byte.
    pieces = _pieces_async(path) if isinstance(request, ASGIRequest) else _pieces(path)
    return StreamingHttpResponse(
        pieces,
        content_type="application/octet-stream",
        headers={
            "Content-Length": str(blob.size),
            "Content-Disposition": content_disposition_header(as_attachment=True, filename=filename)
            or "attachment",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": _INERT,
        },
    )


def _pieces(path: Path) -> Generator[bytes, None, None]:
    with path.open("rb") as file:
        yield from blobs.chunks_of(file)


async def _pieces_async(path: Path) -> AsyncIterator[bytes]:
    """Closing waits for a read that is under way: a reader may hang up at any moment."""
    file = await sync_to_async(lambda: path.open("rb"))()
    reading: asyncio.Task[bytes] | None = None
    try:
        while True:
            reading = asyncio.ensure_future(sync_to_async(file.read)(blobs.CHUNK))
            piece = await asyncio.shield(reading)
            if not piece:
                return
            yield piece
    finally:
        if reading is not None and not reading.done():
            reading.add_done_callback(lambda _: file.close())
        else:
            file.close()
