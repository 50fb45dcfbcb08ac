"""Headless Chromium for tests: Debian's, driven by Playwright, telling everything that goes wrong in a page.

Its package chromium-headless-shell is preferred, and CI asks for it: the same engine without a browser's windows,
which nobody sees here and which cost more than half of the processor time of a start.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

CHROMIUM = tuple(Path("/usr/bin") / name for name in ("chromium-headless-shell", "chromium"))
EXPECTED_MS = 30_000  # Playwright's own 5 s are too few on a busy machine; they end when it happens
FLAGS = (
    "--no-sandbox",  # the tests may run as root, where Chromium's own sandbox does not start
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    program = next((path for path in CHROMIUM if path.exists()), None)
    if program is None:
        pytest.skip("needs Debian's package chromium-headless-shell or chromium")
    expect.set_options(timeout=EXPECTED_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(program), args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for the whole session: while it lives, its event loop counts as running, which Django forbids."""
    with chromium() as started:
        yield started


class Window:
    """A window of its own (no cookies shared). `complaints`: console errors, exceptions, blocked content."""

    def __init__(self, browser: Browser, base_url: str) -> None:
        self.complaints: list[str] = []
        self.context: BrowserContext = browser.new_context(base_url=base_url, locale="en-GB")
        self.page: Page = self.context.new_page()
        self.page.on("console", lambda said: self._note(said.type, said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "response",
            lambda answer: (
                self.complaints.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None
            ),
        )

    def _note(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(text)

    def remember(self) -> None:
        """Ask after something of the new page was seen: `was_reloaded` then tells whether it is another one by now."""
        self.page.evaluate("window.remembered = true")

    def was_reloaded(self) -> bool:
        return not self.page.evaluate("window.remembered === true")

    def shot(self, name: str) -> None:
        """Keep a picture where PODIUM_SCREENSHOTS says, if it does."""
        folder = os.environ.get("PODIUM_SCREENSHOTS")  # noqa: TID251 - a setting of the tests alone
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=str(Path(folder) / f"{name}.png"))
