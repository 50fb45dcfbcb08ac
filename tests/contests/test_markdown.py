"""Organisers' Markdown becomes HTML that can do nothing."""

from __future__ import annotations

import pytest

from contests.markdown import render


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "<a href='x' style='position:fixed'>x</a>",
        "<style>body{display:none}</style>",
        "<iframe src=https://example.org></iframe>",
        "<form action=https://example.org><input name=password></form>",
        "<svg onload=alert(1)>",
        "<p class='btn' id='main'>x</p>",
    ],
)
def test_nothing_that_acts_or_dresses_up_is_left(text: str) -> None:
    html = render(text).lower()
    for bad in (
        "script",
        "onerror",
        "onload",
        "data:",
        "style",
        "iframe",
        "<form",
        "<input",
        "<svg",
        "class=",
        "id=",
    ):
        assert bad not in html


def test_headings_begin_below_the_pages_own() -> None:
    for one, two in (("#", "##"), ("##", "###"), ("###", "####")):
        assert render(f"{one} One\n\n{two} Two") == "<h2>One</h2>\n<h3>Two</h3>"


def test_tables_code_and_links_are_kept() -> None:
    assert "<td>1</td>" in render("| a |\n|---|\n| 1 |")
    assert "<pre><code>x &lt; 1\n</code></pre>" in render("```python\nx < 1\n```")
    assert render("[a](https://example.org)") == (
        '<p><a href="https://example.org" rel="noopener noreferrer nofollow">a</a></p>'
    )
