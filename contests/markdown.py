"""What organisers write in Markdown, as HTML that is safe to show: a closed list of tags, no script, no style.

The converter needs minutes for a few thousand brackets in a row, and every visitor would wait for them: a text with
more unfinished business than anybody writes is shown as the characters it is made of.
"""

from __future__ import annotations

import html
import re
from xml.etree.ElementTree import Element

import markdown
import nh3
from django.utils.safestring import SafeString, mark_safe

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_EXTENSIONS = ("tables", "fenced_code", "sane_lists", "def_list")
_TAGS = {
    "a", "abbr", "b", "blockquote", "br", "code", "dd", "del", "details", "div", "dl", "dt", "em", "h2", "h3", "h4",
    "h5", "h6", "hr", "i", "img", "kbd", "li", "ol", "p", "pre", "s", "span", "strong", "sub", "summary", "sup",
    "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
_ATTRIBUTES = {
    "a": {"href", "title"},
    "abbr": {"title"},
    "img": {"src", "alt", "title", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}

# A link names its scheme in full, or stays here; a picture is a file of this site, or lies in the text itself.
_LINK = re.compile(r"(?:https?://|mailto:)[^\s<>]+|[#?][^\s<>]*|(?![/\\]{2})[^\s<>:\\]+", re.IGNORECASE)
_PICTURE = re.compile(r"/(?![/\\])[^\s<>]*|data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]*")

MAX_CHARACTERS = 200_000
MAX_LINES = 2_000
# Each of these costs the converter time that grows with the square of how many there are.
_COSTLY = (
    (re.compile(r"<(?=[^<>]{0,1000}(?:<|\Z))"), 300),  # tags that never end
    (re.compile(r"<!--|<[^<>\s]*[@:][^<>]*>"), 300),  # comments, and addresses in angle brackets
    (re.compile(r"^[ ]{0,3}:[ ]", re.MULTILINE), 500),  # definitions
    (re.compile(r"\["), 2_000),
)
_PARAGRAPH = re.compile(r"\n[ \t]*\n")
_MOST_BRACKETS = 300  # in one paragraph


class _BelowThePageTitle(markdown.treeprocessors.Treeprocessor):
    """The page has its own h1, so the text's largest heading, whichever its author began with, becomes h2."""

    def run(self, root: Element) -> None:
        headings = [element for element in root.iter() if element.tag in _HEADINGS]
        largest = min((_HEADINGS.index(element.tag) for element in headings), default=0)
        for element in headings:
            level = _HEADINGS.index(element.tag) - largest + 1
            element.tag = _HEADINGS[min(level, len(_HEADINGS) - 1)]


def render(text: str) -> SafeString:
    """Markdown (and any HTML in it) as sanitised HTML."""
    if too_intricate(text):
        return _as_it_is(text)
    converter = markdown.Markdown(extensions=list(_EXTENSIONS), output_format="html")
    converter.treeprocessors.register(_BelowThePageTitle(converter), "below_the_page_title", 0)
    try:
        converted = converter.convert(text)
    except RecursionError:  # lists in lists in lists
        return _as_it_is(text)
    clean = nh3.clean(
        converted,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_kept,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="noopener noreferrer nofollow",
    )
    return mark_safe(clean)  # noqa: S308 - nh3 has just cleaned it


def _kept(tag: str, name: str, value: str) -> str | None:
    """nh3 has looked at schemes; a picture elsewhere would tell its owner who reads this, and when."""
    wanted = {"href": _LINK, "src": _PICTURE}.get(name)
    return value if wanted is None or wanted.fullmatch(value.strip()) else None


def _as_it_is(text: str) -> SafeString:
    return mark_safe(f"<pre>{html.escape(text)}</pre>")  # noqa: S308 - escaped


def too_intricate(text: str) -> bool:
    """Whether converting the text could take longer than a visitor waits."""
    return (
        len(text) > MAX_CHARACTERS
        or len(text.splitlines()) > MAX_LINES
        or any(len(pattern.findall(text)) > most for pattern, most in _COSTLY)
        or any(part.count("[") > _MOST_BRACKETS for part in _PARAGRAPH.split(text))
    )
