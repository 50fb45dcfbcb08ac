"""A stranger's HTML, written anew from a short list of tags, so that nothing in it runs, loads or leads astray.

Theory of operation. One pass over the text, each character looked at a bounded number of times: a tree builder would
need minutes, or hundreds of megabytes, for a few thousand tags nested on purpose. What is not a listed tag is dropped,
raw texts and foreign elements with all they hold; every text is decoded and escaped again; every opened tag is closed,
to a bounded depth. Then nh3 builds the tree and cleans it once more: two readers would have to be fooled. The page
that shows it runs no scripts in any case (see judge.notebook_pages).
"""

from __future__ import annotations

import html
import re

import nh3

MAX_TAGS = 200_000
MAX_REFERENCES = 200_000
MAX_DEPTH = 60
_VOID = frozenset({"br", "hr", "img"})
# The tree builder opens these again after every block they reach into. Without attributes it does so three times at
# most, so they lose theirs.
_FORMATTING = frozenset({"b", "code", "em", "i", "s", "strong", "u"})
_TAGS = _VOID | _FORMATTING | frozenset({
    "a", "blockquote", "dd", "del", "details", "div", "dl", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "kbd", "li", "ol",
    "p", "pre", "span", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
})  # fmt: skip
_DROPPED_WHOLE = frozenset({
    "applet", "button", "embed", "form", "frameset", "head", "iframe", "math", "noembed", "noframes", "noscript",
    "object", "plaintext", "script", "select", "style", "svg", "template", "textarea", "title", "video", "xmp",
})  # fmt: skip
_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*")
_LINK = re.compile(r"https?://\S+", re.IGNORECASE)
_CLASS = re.compile(r"[\w -]{1,200}")
_NUMBER = re.compile(r"\d{1,4}")
_ATTRIBUTES: dict[str, dict[str, re.Pattern[str]]] = {
    "a": {"href": _LINK},
    "img": {"src": _PICTURE, "width": _NUMBER, "height": _NUMBER, "alt": re.compile(r"[^\x00-\x1f]{0,300}")},
    "td": {"colspan": _NUMBER, "rowspan": _NUMBER},
    "th": {"colspan": _NUMBER, "rowspan": _NUMBER},
}
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:[^<>\"']|\"[^\"]*\"|'[^']*')*+)>")
_ATTRIBUTE = re.compile(r"(?<![a-zA-Z])([a-zA-Z]++)\s*+=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'<>=]+))")


_LONG_NUMBER = re.compile(r"(&#[0-9]{7})[0-9]+")  # no character has one; Python refuses to read 5,000 digits


class TooIntricate(Exception):
    """More tags or character references than anybody's notebook has."""


def clean(text: str) -> str:
    """Raises TooIntricate."""
    if text.count("&") > MAX_REFERENCES:  # each may be looked up thirty times
        raise TooIntricate
    return nh3.clean(
        _rewritten(text),
        tags=set(_TAGS),
        attributes={tag: {"class", *_ATTRIBUTES.get(tag, ())} for tag in _TAGS},
        attribute_filter=_kept,
        url_schemes={"http", "https", "data"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )


def _kept(tag: str, name: str, value: str) -> str | None:
    ours = tag == "a" and name in {"rel", "target"}  # put there by nh3, as it was told
    return value if ours or _allowed(tag, name, value) else None


def _allowed(tag: str, name: str, value: str) -> bool:
    pattern = _ATTRIBUTES.get(tag, {}).get(name) or (_CLASS if name == "class" else None)
    return pattern is not None and tag not in _FORMATTING and pattern.fullmatch(value) is not None


def _rewritten(text: str) -> str:
    out: list[str] = []
    stack: list[str] = []
    place, tags = 0, 0
    comments = True
    while place < len(text):
        opening = text.find("<", place)
        if opening != place:
            end = len(text) if opening < 0 else opening
            out.append(html.escape(_decoded(text[place:end])))
            place = end
            continue
        if text.startswith("<!", place) or text.startswith("<?", place):
            place, comments = _after_comment(text, place, look=comments)
            continue
        found = _TAG.match(text, place)
        if found is None:
            out.append("&lt;")
            place += 1
            continue
        tags += 1
        if tags > MAX_TAGS:
            raise TooIntricate
        name = found[2].lower()
        place = found.end()
        if name in _DROPPED_WHOLE and not found[1]:
            place = _after_closing(text, name, place)
        elif name in _TAGS:
            (_close if found[1] else _open)(name, found[3], stack, out)
    out.extend(f"</{name}>" for name in reversed(stack))
    return "".join(out)


def _after_comment(text: str, place: int, *, look: bool) -> tuple[int, bool]:
    """Where a comment or declaration ends, and whether to look for others: once one had no end, never again."""
    mark = "-->" if text.startswith("<!--", place) else ">"
    end = text.find(mark, place) if look else -1
    return (len(text), False) if end < 0 else (end + len(mark), True)


def _after_closing(text: str, name: str, place: int) -> int:
    """Behind the next closing tag of that name; the end of the text where there is none."""
    found = re.compile(rf"</{name}", re.IGNORECASE).search(text, place)
    end = -1 if found is None else text.find(">", found.end())  # looked for once, not from each "</script"
    return len(text) if end < 0 else end + 1


def _decoded(text: str) -> str:
    return html.unescape(_LONG_NUMBER.sub(r"\1", text))


def _open(name: str, raw: str, stack: list[str], out: list[str]) -> None:
    attributes = _attributes(name, raw)
    if name == "img" and not any(item.startswith(" src=") for item in attributes):
        return  # a picture that would have to be fetched, or was never one
    if name not in _VOID:
        if len(stack) >= MAX_DEPTH:
            return
        stack.append(name)
    out.append(f"<{name}{''.join(attributes)}>")


def _attributes(name: str, raw: str) -> list[str]:
    written: dict[str, str] = {}
    for found in _ATTRIBUTE.finditer(raw):
        key = found[1].lower()
        value = _decoded(next(part for part in found.groups()[1:] if part is not None))
        if key not in written and _allowed(name, key, value):
            written[key] = f' {key}="{html.escape(value)}"'
    return list(written.values())


def _close(name: str, _raw: str, stack: list[str], out: list[str]) -> None:
    if name not in stack:
        return
    while (opened := stack.pop()) != name:
        out.append(f"</{opened}>")
    out.append(f"</{name}>")
