"""Organisers' Markdown becomes HTML that can do nothing."""

from __future__ import annotations

import time

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


@pytest.mark.parametrize(
    "knot",
    [
        "[",
        "![a](",
        "[a](b)",
        "<a ",
        "a\n: ",
        "<!-- a -->\n\n",
        "<http://a>",
        "a\n---\n",
        "1. ",
        "a\\```\n",
        "](--><a@b><!--",
    ],
)
def test_no_text_keeps_a_visitor_waiting(knot: str) -> None:
    """Each of these took the converter minutes, or more depth than Python has."""
    began = time.process_time()
    html = render(knot * (150_000 // len(knot)))
    assert time.process_time() - began < 5
    assert html.startswith("<pre>")
    assert "<a@b>" not in html


def test_a_long_text_is_still_markdown() -> None:
    paragraph = "A *paragraph* with a [link](https://example.org), `code` and <b>tags</b>.\n\n"
    table = "|a|b|\n|-|-|\n" + "|1|[x](https://example.org)|\n" * 200 + "\n"
    assert "<em>paragraph</em>" in render(paragraph * 500 + table)
