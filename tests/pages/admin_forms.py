"""What a browser sends for the forms of the admin: the fields as the page shows them, changed as a person would."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from django.test import Client

from tests.pages.reading import Page, read


def fields(html: str) -> dict[str, Any]:
    """Every field of the page's largest form with the value it shows: what pressing "Save" at once would send."""
    form = max(re.findall(r"<form.*?</form>", html, re.DOTALL), key=len)
    sent: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, kind = attribute(tag, "name"), attribute(tag, "type") or "text"
        if not name or kind in {"submit", "file"} or "__prefix__" in name:
            continue
        if kind in {"checkbox", "radio"}:
            if re.search(r"\schecked", tag):
                sent.setdefault(name, []).append(attribute(tag, "value") or "on")
        else:
            sent[name] = attribute(tag, "value") or ""
    for name, body in re.findall(r"<textarea[^>]*?name=\"([^\"]+)\".*?>(.*?)</textarea>", form, re.DOTALL):
        if "__prefix__" not in name:
            sent[name] = unescape(body.removeprefix("\n"))
    for name, body in re.findall(r"<select[^>]*?name=\"([^\"]+)\".*?>(.*?)</select>", form, re.DOTALL):
        chosen = [attribute(tag, "value") for tag in re.findall(r"<option[^>]*selected[^>]*>", body)]
        first = re.search(r"<option[^>]*>", body)
        if "__prefix__" not in name:
            sent[name] = chosen[0] if chosen else attribute(first.group(), "value") if first else ""
    return sent


def attribute(tag: str, name: str) -> str | None:
    found = re.search(rf'\s{name}="([^"]*)"', tag)
    return unescape(found.group(1)) if found else None


class Answer(Page):
    """The page that answered a form, after redirects: `status` and `path` say how and where."""

    def __init__(self, answer: Any, path: str) -> None:
        super().__init__(answer.content.decode())
        self.status: int = answer.status_code
        self.path: str = answer.redirect_chain[-1][0] if answer.redirect_chain else path


def fill_in(client: Client, path: str, **changes: Any) -> Answer:
    """Open the page, change fields, press "Save"; the page that answers (after a redirect)."""
    sent = fields(read(client, path).html) | changes
    answer = client.post(path, sent, follow=True)
    return Answer(answer, path)


def press(client: Client, page_path: str, action: str) -> Answer:
    """Open a page and send its small form that goes to `action`, with its CSRF token."""
    html = read(client, page_path).html
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', html)
    assert token, f"{page_path} has no form"
    form = next((f for f in re.findall(r"<form.*?</form>", html, re.DOTALL) if f'action="{action}"' in f), "")
    sent = {
        attribute(tag, "name"): attribute(tag, "value")
        for tag in re.findall(r"<input[^>]*hidden[^>]*>", form)
    }
    answer = client.post(action, sent | {"csrfmiddlewaretoken": token.group(1)}, follow=True)
    return Answer(answer, action)
