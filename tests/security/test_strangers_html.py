"""What strangers write comes out as a closed list of tags: Markdown of organisers, and executed notebooks."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from contests import markdown
from judge import inert_html
from tests.security.payloads import PAYLOADS

LOADS = {
    "src",
    "srcset",
    "poster",
    "background",
    "data",
    "ping",
    "action",
    "formaction",
    "xlink:href",
    "style",
}
DANGEROUS = {
    "script", "style", "iframe", "object", "embed", "form", "input", "button", "meta", "base", "link", "svg", "math",
    "video", "audio", "source", "picture", "template", "noscript", "body", "textarea", "title", "xmp", "portal",
}  # fmt: skip


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in DANGEROUS:
            self.faults.append(tag)
        for name, value in attrs:
            said = (value or "").strip().lower()
            local = (
                tag == "img" and name == "src" and re.match(r"/(?!/)|data:image/(png|jpeg|gif|webp);", said)
            )
            if name.startswith(("on", "data-")) or name in {"id", "name"} or (name in LOADS and not local):
                self.faults.append(f"{tag} {name}={said}")
            if name == "href" and not re.match(r"https?://|mailto:|(?!//)[^:\\\s]*$", said):
                self.faults.append(f"{tag} href={said}")


def faults(html: str) -> list[str]:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.faults


@pytest.mark.parametrize("payload", PAYLOADS)
def test_organisers_words_hold_nothing_that_runs_or_loads(payload: str) -> None:
    assert faults(markdown.render(payload)) == []
    assert faults(markdown.render(f"# Words\n\n* a list\n* {payload}\n\nand more")) == []


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_notebooks_html_holds_nothing_that_runs_or_loads(payload: str) -> None:
    assert faults(inert_html.clean(payload)) == []
    assert faults(inert_html.clean(f"<div class='cell'>{payload}</div>")) == []


def test_links_and_pictures_of_this_site_are_kept() -> None:
    for text in (
        "[a](data/)",
        "[a](/contests/x/data/)",
        "[a](#top)",
        "[a](mailto:a@b.org)",
        "[a](https://b.org/?q=1:2)",
    ):
        assert " href=" in markdown.render(text), text
    for text in ("![x](/static/x.png)", "![x](data:image/png;base64,aGVsbG8=)"):
        assert " src=" in markdown.render(text), text


def test_the_reader_of_these_tests_sees_what_is_wrong() -> None:
    """Else the tests above would say nothing."""
    seen = [payload for payload in PAYLOADS if payload.startswith("<") and faults(payload)]
    assert len(seen) > 50
