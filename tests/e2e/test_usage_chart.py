"""The drawing of what a run uses moves while the run goes on, and is whole when it has ended."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.builders import PASSWORD
from tests.e2e.browser import Window
from tests.stack import PERFECT, Stack

pytestmark = [pytest.mark.e2e, pytest.mark.once, pytest.mark.sandbox]

PATIENT_MS = 40_000
# Computes and grows by 12 MB each second, up to a quarter of the limit of 512 MB and beyond it.
GROWS = (
    b"""
import time
held, begun = [], time.monotonic()
for step in range(15):
    held.append(bytearray(b"x") * (12 << 20))
    print("step", step, flush=True)
    while time.monotonic() < begun + step + 1:
        pass
"""
    + PERFECT
)
LINE = "[data-chart={}] .chart-line"


def signed_in(browser: Browser, stack: Stack, address: str) -> Window:
    window = Window(browser, stack.url)
    page = window.page
    page.goto(f"/accounts/login/?next={address}")
    page.get_by_label("Username").fill("alice")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign In").click()
    return window


def points_of(window: Window, chart: str) -> int:
    return (window.page.locator(LINE.format(chart)).get_attribute("d") or "").count("L") + 1


def test_the_curve_moves_while_the_program_runs(stack: Stack, browser: Browser) -> None:
    submission = stack.submit(GROWS)
    window = signed_in(browser, stack, f"/submissions/{submission}/")
    page = window.page
    line = page.locator(LINE.format("memory"))
    expect(line).to_be_visible(timeout=PATIENT_MS)
    expect(page.locator("#status-badge")).to_have_text("Running")
    window.remember()
    first = line.get_attribute("d")
    page.wait_for_function(
        "before => document.querySelector('[data-chart=memory] .chart-line').getAttribute('d') !== before",
        arg=first,
        timeout=PATIENT_MS,
    )
    expect(page.locator("#status-badge")).to_have_text("Running")
    window.shot("usage-running")
    expect(page.locator("#status-badge")).to_have_text("Scored", timeout=PATIENT_MS)
    expect(page.get_by_role("img", name="Memory over time")).to_be_visible()
    assert not window.was_reloaded(), "drawn without a reload"
    drawn = points_of(window, "memory")

    page.reload()
    expect(line).to_be_visible()
    assert points_of(window, "memory") == drawn, "what came live is what is kept"
    with stack.client() as client:
        facts = client.get(f"/api/v1/submissions/{submission}/").json()["runs"][0]["facts"]
    most = f"at most {round(facts['memory_peak'] / (1 << 20))} MB"
    expect(page.locator("[data-chart=memory] figcaption")).to_contain_text(most)
    expect(page.locator("[data-chart=memory] .chart-limit-label")).to_have_text("limit 512 MB")
    expect(page.locator("[data-chart=disk] .chart-limit-label")).to_have_text("↑ limit 64 MB")
    page.get_by_text("The same as a table").click()
    expect(page.get_by_role("row", name="Memory")).to_contain_text("512 MB")
    window.shot("usage-scored")
    assert window.complaints == []


def test_a_narrow_dark_page_draws_as_well(stack: Stack, browser: Browser) -> None:
    submission = stack.submit(b"import time\ntime.sleep(1)\n" + PERFECT)
    stack.wait_verdict(submission)
    window = signed_in(browser, stack, f"/submissions/{submission}/")
    page = window.page
    page.set_viewport_size({"width": 360, "height": 900})
    page.emulate_media(color_scheme="dark")
    expect(page.locator(LINE.format("cpu"))).to_be_visible()
    page.wait_for_function("document.querySelector('.chart-picture').clientWidth < 330")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator("[data-usage]").scroll_into_view_if_needed()
    window.shot("usage-narrow-dark")
    assert window.complaints == []
