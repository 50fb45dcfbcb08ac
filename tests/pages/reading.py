"""Reading an HTML page in a test: what a person sees, and what breaks the rules every page keeps."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.inline_scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.elements.append((tag, given))
        if tag not in VOID:
            self.open.append(tag)
        # A block of data is not run, so the policy lets it be.
        if tag == "script" and "src" not in given and given.get("type") != "application/json":
            self.inline_scripts += 1

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not {"script", "style", "title"} & set(self.open):
            self.words.append(data)


class Page:
    def __init__(self, html: str) -> None:
        reader = _Reader()
        reader.feed(html)
        self.html = html
        self.elements = reader.elements
        self.inline_scripts = reader.inline_scripts
        self.text = re.sub(r"\s+", " ", " ".join(reader.words)).strip()

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [given for name, given in self.elements if name == tag]

    def faults(self) -> list[str]:
        """What the Content-Security-Policy would block, and what a screen reader would miss."""
        found = []
        ids = [given["id"] for _tag, given in self.elements if given.get("id")]
        found += [f"id {name} twice" for name in sorted({str(i) for i in ids if ids.count(i) > 1})]
        labelled = {given.get("for") for given in self.all("label")}
        for tag, given in self.elements:
            found += [
                f"{name} attribute in <{tag}>" for name in given if name == "style" or name.startswith("on")
            ]
            if tag == "style":
                found.append("<style> in the page")
            if tag == "img" and "alt" not in given:
                found.append("<img> without alt")
            source = given.get("src") or (given.get("href") if tag == "link" else None)
            if source and not source.startswith("/"):
                found.append(f"{source} is loaded from elsewhere")
            asks = tag in {"input", "select", "textarea"} and given.get("type") not in {"hidden", "submit"}
            if asks and given.get("id") not in labelled and "aria-label" not in given:
                found.append(f"<{tag} name={given.get('name')}> without a label")
        if self.inline_scripts:
            found.append("inline <script>")
        found += [
            f"<table> {i} without a caption" for i in range(len(self.all("table")) - len(self.all("caption")))
        ]
        if len(self.all("h1")) != 1:
            found.append(f"{len(self.all('h1'))} h1 headings")
        return found


def signed_in(user: User | None, *, language: str = "en") -> Client:
    """A browser of this person, CSRF checked as in production."""
    client = Client(enforce_csrf_checks=True, headers={"accept-language": language})
    if user is not None:
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def read(client: Client, path: str, *, status: int = 200) -> Page:
    answer = client.get(path)
    assert answer.status_code == status, f"{path}: {answer.status_code}"
    return Page(answer.content.decode())


def queries(client: Client, path: str) -> int:
    """How many database queries the page costs."""
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)
