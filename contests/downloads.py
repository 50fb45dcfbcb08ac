"""Sending files to a browser: always as a file to save, never as a page of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import BinaryIO, Protocol, cast

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


class ClosableIterator(Protocol):
    """Pieces of a file: a generator, or `_Pieces`."""

    def __iter__(self) -> Iterator[bytes]: ...

    def __next__(self) -> bytes: ...

    def close(self) -> None: ...


class _Pieces:
    """An open file's pieces. Unlike a generator it closes what was never begun: for whoever is answered 304."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._pieces = blobs.chunks_of(file)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._pieces)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._file.close()


def attachment(request: HttpRequest, blob: Blob, filename: str) -> HttpResponseBase:
    """The blob's bytes, streamed piece by piece."""
    file = blobs.opened(blob.sha256)  # now: a store that is away is an answer, not a page cut short
    return streamed(request, _Pieces(file), filename=filename, size=blob.size, etag=blob.sha256)


def streamed(
    request: HttpRequest, pieces: ClosableIterator, *, filename: str, size: int | None, etag: str
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
    asked: HttpResponseBase | None = get_conditional_response(
        request, etag=f'"{etag}"', response=cast("HttpResponse", response)
    )
    if asked is not None and asked is not response:  # where nothing was asked, Django gives the response back
        pieces.close()
        return asked
    return response


def _next(pieces: ClosableIterator) -> bytes:
    return next(pieces, b"")


async def _off_the_loop(pieces: ClosableIterator) -> AsyncIterator[bytes]:
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
