"""Two bare pages with the markup that static/js/board.js and submission.js expect, and the site around them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from live.protocol import Receive, Scope, Send

STATIC = Path(__file__).resolve().parents[2] / "static"
CSP = "default-src 'none'; script-src 'self'; connect-src 'self'"

BOARD = """<!doctype html><html lang="en"><title>board</title>
<p data-live-state="off"><span data-live-text>still</span></p>
<table data-board data-topic="board.1" data-v="1-1" data-snapshot-url="/snapshot" data-page="1" data-page-size="3"
 data-decimals="3" data-own-team="8" data-text-live="Live" data-text-reconnecting="Trying"
 data-text-one="{name} is now at rank {rank}." data-text-many="{count} teams moved." data-text-you="you">
<tbody><tr data-team="7"><td class="board-rank"><span class="rank">1</span></td><td class="board-name">Ada</td>
<td class="board-score">0.500</td><td class="board-count">1</td>
<td class="board-time"><time datetime="2026-11-21T20:00:00+00:00">then</time></td></tr></tbody></table>
<p data-board-empty hidden>nobody</p>
<script type="module" src="/static/js/board.js"></script></html>"""

SUBMISSION = """<!doctype html><html lang="en"><title>submission</title>
<section data-submission data-topic="{topic}" data-token="{token}" data-log-url="/log" data-status="{status}"
 data-verdict="" data-text-queue="Place {{position}}">
<div role="status"><div data-part="state"><span id="status-badge">{status}</span>
<span id="queue-position">{queue}</span></div></div>
<div data-part="cancel">{cancel}</div>
<pre id="log" data-end="0"></pre></section>
<div id="submission-result">{result}</div>
<script type="module" src="/static/js/submission.js"></script></html>"""


CONFIRM = """<details><summary>Cancel</summary><p id="meaning">{meaning}</p><form>
<input type="hidden" name="token" value="{token}"><input name="why"><button type="button">Yes</button>
</form></details>"""


class Pages:
    """`state` is a JSON file that the test writes: {"snapshot": ..., "submission": {...}, "log": text}."""

    def __init__(self, state: Path) -> None:
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind, answer = self._answer(scope)
        headers = [
            (b"content-type", kind.encode()),
            (b"content-length", str(len(answer)).encode()),
            (b"content-security-policy", CSP.encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    def _answer(self, scope: Scope) -> tuple[str, bytes]:
        path: str = scope["path"]
        state: dict[str, Any] = json.loads(self._state.read_text())
        if path.startswith("/static/"):
            return "text/javascript", (STATIC / path.removeprefix("/static/")).read_bytes()
        if path == "/board":
            return "text/html; charset=utf-8", BOARD.encode()
        if path == "/submission":
            return "text/html; charset=utf-8", SUBMISSION.format(**state["submission"]).encode()
        if path == "/snapshot":
            return "application/json", json.dumps(state["snapshot"]).encode()
        if path == "/log":
            log = state["log"].encode()
            after = int(parse_qs(scope["query_string"].decode())["after"][0])
            text = log[after:].decode()
            return "application/json", json.dumps({"offset": after, "text": text, "end": len(log)}).encode()
        return "text/plain", b""
