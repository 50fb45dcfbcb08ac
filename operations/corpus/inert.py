"""Whether what a contestant wrote could act on whoever looks at it: scripts in a page, commands to a terminal."""

from __future__ import annotations

import re
import unicodedata
from html.parser import HTMLParser

from operations.corpus.contestant import Fetched

PAGE = "executed.html"  # what a notebook's page is called when it is saved; see runners.notebook.bundle
_FORBIDDEN = {"object", "embed", "applet", "base", "math", "portal"}
_ADDRESSES = {"href", "src", "action", "formaction", "xlink:href", "data", "srcdoc"}
_SCHEME = re.compile(
    r"[\x00-\x20]*(?:j[\x00-\x20]*a[\x00-\x20]*v[\x00-\x20]*a|vb)[\x00-\x20]*script", re.IGNORECASE
)
_LOG_MAY_HOLD = "\n\t\r"


class _Reader(HTMLParser):
    """Collects what acts. Our own pages load scripts from /static/ and hold none of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "script" and not given.get("src", "").startswith("/static/"):
            self._of_ours(given)
        if tag in _FORBIDDEN:
            self.found.append(f"<{tag}>")
        for name, value in given.items():
            if name.startswith("on") or (name in _ADDRESSES and _acts(tag, name, value)):
                self.found.append(f"<{tag} {name}>")

    def _of_ours(self, given: dict[str, str]) -> None:
        if given.get("type") not in {"application/json", "importmap"}:
            self.found.append("<script>")


def _acts(tag: str, name: str, value: str) -> bool:
    if name == "srcdoc" or _SCHEME.match(value):
        return True
    return value.strip().lower().startswith("data:") and not (
        tag == "img" and value.lower().startswith("data:image/")
    )


def active(fetched: Fetched) -> list[str]:
    """What could act on a browser in an answer about a submission, in short words."""
    if fetched.status != 200:  # noqa: PLR2004 - an answer
        return []
    kind = fetched.headers.get("content-type", "")
    attached = fetched.headers.get("content-disposition", "").startswith("attachment")
    found = []
    if attached and not fetched.address.endswith(f"/{PAGE}"):
        # A contestant's file as it is: it must be saved, not shown.
        return (
            [] if fetched.headers.get("x-content-type-options") == "nosniff" else ["a file that is sniffed"]
        )
    if fetched.address.endswith("/notebook/"):
        policy = fetched.headers.get("content-security-policy", "")
        if "default-src 'none'" not in policy or "sandbox" not in policy or "allow-scripts" in policy:
            found.append("a notebook's page without a strict policy")
    if "text/html" in kind or fetched.address.endswith(f"/{PAGE}"):
        reader = _Reader()
        reader.feed(fetched.body.decode(errors="replace"))
        found += reader.found
    return found


def commands(text: str) -> bool:
    """Whether a log's text holds characters that a terminal obeys or that turn the text around."""
    return any(c not in _LOG_MAY_HOLD and unicodedata.category(c) in {"Cc", "Cf"} for c in text)
