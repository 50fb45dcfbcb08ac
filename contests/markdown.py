"""What organisers write in Markdown, as HTML that is safe to show: a closed list of tags, no script, no style."""

from __future__ import annotations

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
    converter = markdown.Markdown(extensions=list(_EXTENSIONS), output_format="html")
    converter.treeprocessors.register(_BelowThePageTitle(converter), "below_the_page_title", 0)
    clean = nh3.clean(
        converter.convert(text),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    return mark_safe(clean)  # noqa: S308 - nh3 has just cleaned it
