"""Waiting, as a contestant sees it: why, in which place, and that it goes on, all without a reload."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.test_usage_chart import signed_in
from tests.stack import PERFECT, Stack

pytestmark = [pytest.mark.e2e, pytest.mark.once, pytest.mark.sandbox]
PATIENT_MS = 40_000
HELD = """
from compute.models import Pool
from judge import operating
operating.hold(Pool.objects.get(slug="cpu"))
"""
RELEASED = HELD.replace("hold", "release")


def test_who_waits_for_a_pool_on_hold_sees_it_released(stack: Stack, browser: Browser) -> None:
    stack.query(HELD)
    try:
        submission = stack.submit(PERFECT)
        window = signed_in(browser, stack, f"/submissions/{submission}/")
        page = window.page
        expect(page.locator("#queue-position")).to_have_text("Place 1 in the queue")
        expect(page.get_by_text("operators are holding this queue")).to_be_visible()
        expect(page.locator("#queue-estimate")).to_have_text("")
        window.remember()
    finally:
        stack.query(RELEASED)
    expect(page.locator("#status-badge")).to_have_text("Scored", timeout=PATIENT_MS)
    assert not window.was_reloaded()
    assert window.complaints == []


def test_what_waits_is_cancelled_by_a_press_and_a_yes(stack: Stack, browser: Browser) -> None:
    stack.query(HELD)
    try:
        submission = stack.submit(PERFECT)
        page = signed_in(browser, stack, f"/submissions/{submission}/").page
        page.get_by_text("Cancel…").click()
        expect(page.get_by_text("it will not count against your quota")).to_be_visible()
        page.get_by_role("button", name="Yes, stop it").click()
        expect(page.locator("#status-badge")).to_have_text("Cancelled")
    finally:
        stack.query(RELEASED)
