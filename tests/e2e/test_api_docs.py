"""The page that reads the API's description aloud: whole, under our strict policy, from our own origin alone."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Browser

from config.security import POLICY
from tests.e2e.browser import Window
from tests.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.once]


def operations(stack: Stack) -> int:
    paths = httpx.get(f"{stack.url}/api/schema/?format=json", timeout=30).json()["paths"]
    return sum(len(methods) for methods in paths.values())


def test_every_operation_is_shown_and_nothing_is_blocked_or_foreign(stack: Stack, browser: Browser) -> None:
    answer = httpx.get(f"{stack.url}/api/docs/", timeout=30)
    assert answer.headers["content-security-policy"] == POLICY
    window = Window(browser, stack.url)
    asked: list[str] = []
    window.page.on("request", lambda request: asked.append(request.url))
    window.page.goto("/api/docs/")
    window.page.locator(".opblock").first.wait_for()
    assert window.page.locator(".opblock").count() == operations(stack)
    first = window.page.locator(".opblock-get").first
    first.click()
    first.locator(".responses-table").wait_for()
    window.shot("api-docs")
    assert [url for url in asked if not url.startswith((stack.url, "data:", "blob:"))] == []
    assert window.complaints == []


def test_it_fits_a_phone_and_the_dark(stack: Stack, browser: Browser) -> None:
    window = Window(browser, stack.url)
    window.page.set_viewport_size({"width": 360, "height": 800})
    window.page.emulate_media(color_scheme="dark")
    window.page.goto("/api/docs/")
    window.page.locator(".opblock").first.wait_for()
    window.shot("api-docs-phone-dark")
    assert window.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert "dark-mode" in (window.page.locator("html").get_attribute("class") or "")
    assert window.complaints == []
