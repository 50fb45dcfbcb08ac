"""A uvicorn process with the hub around an application that says "site": `python -m tests.live.site JSON`.

JSON: {"settings": arguments of LiveSettings, "http": "auto" or "h11", "wrap_send": bool,
"pages": path of their state or "", "port": 0 for any,
"files": soft limit of open files or 0}. Prints its port.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

import uvicorn

from live.asgi import Live, LiveSettings
from live.protocol import Application, Message, Receive, Scope, Send
from tests.live.pages import Pages


async def site(scope: Scope, receive: Receive, send: Send) -> None:
    answer = f"site {scope['type']} {scope['path']}".encode()
    headers = [(b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


def behind_a_middleware(app: Application) -> Application:
    """Hides the server's own `send`, as another server or a middleware does."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def own_send(message: Message) -> None:
            await send(message)

        await app(scope, receive, own_send if scope["type"] == "http" else send)

    return wrapped


def main() -> None:
    options = json.loads(sys.argv[1])
    if options["files"]:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (options["files"], hard))
    inner: Application = Pages(Path(options["pages"])) if options["pages"] else site
    app: Application = Live(inner, LiveSettings(**options["settings"]))
    if options["wrap_send"]:
        app = behind_a_middleware(app)
    config = uvicorn.Config(
        app, port=options["port"], http=options["http"], log_level="warning", proxy_headers=False
    )
    listening = config.bind_socket()
    listening.listen(config.backlog)  # a connection made before the server is up waits for it
    print(listening.getsockname()[1], flush=True)  # noqa: T201 - how the test learns the port
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
