"""A project as a person lives it: trained before their eyes, run on rows nobody sees, and explained when it fails."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.e2e.browser import Window
from tests.e2e.test_first_contest import sign_up
from tests.hidden import zipped
from tests.stack import Stack
from tests.stack_seed import CANARY

pytestmark = [pytest.mark.e2e, pytest.mark.once, pytest.mark.sandbox, pytest.mark.timeout(300)]

PATIENT_MS = 60_000
TRAIN = b"""
import time
for epoch in range(3):
    print("epoch", epoch, flush=True)
    time.sleep(1)
open("/model/threshold", "w").write("0.5")
"""
# Waits, so that a busy machine shows the page while it runs; prints what it must not.
PREDICT = b"""
import csv, time
threshold = float(open("/model/threshold").read())
rows = list(csv.DictReader(open("/input/test.csv")))
print("seen:", rows[0]["note"])
time.sleep(4)
with open("/output/submission.csv", "w") as file:
    file.write("id,target\\n" + "".join(f"{row['id']},{int(float(row['x']) > threshold)}\\n" for row in rows))
"""
FAILS = b"""
import csv
rows = list(csv.DictReader(open("/input/test.csv")))
raise KeyError(rows[0]["note"])
"""


def hand_in(window: Window, file: Path, content: bytes) -> None:
    file.write_bytes(content)
    window.page.goto("/contests/secret/submit/")
    window.page.get_by_label("File").set_input_files(file)
    window.page.get_by_role("button", name="Hand in").click()


def step_now(window: Window) -> Locator:
    return window.page.locator(".step[aria-current=step]")


def fits(window: Window, name: str) -> None:
    """The page as it is at 360 px, light and dark, and in Chinese."""
    page = window.page
    for scheme, language in (("dark", "en"), ("light", "zh-hans")):
        page.context.add_cookies([{"name": "django_language", "value": language, "url": page.url}])
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": 360, "height": 800})
        page.reload()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, f"{name} {language}"
        window.shot(f"{name}-{scheme}-{language}")
    page.context.add_cookies([{"name": "django_language", "value": "en", "url": page.url}])
    page.set_viewport_size({"width": 1280, "height": 900})
    page.reload()


def test_a_project_is_trained_live_and_predicts_beside_hidden_rows(
    stack: Stack, browser: Browser, tmp_path: Path
) -> None:
    window = Window(browser, stack.url)
    page = window.page
    sign_up(window, "projector")
    page.goto("/contests/secret/data/")
    expect(page.get_by_text("The test rows are hidden.")).to_be_visible()
    fits(window, "secret-data")

    hand_in(window, tmp_path / "work.zip", zipped({"train.py": TRAIN, "predict.py": PREDICT}))
    expect(step_now(window)).to_contain_text("Training", timeout=PATIENT_MS)
    expect(page.locator("#log")).to_contain_text("epoch 1", timeout=PATIENT_MS)
    window.remember()
    expect(step_now(window)).to_contain_text("Prediction", timeout=PATIENT_MS)
    expect(page.get_by_role("status").get_by_text("beside hidden rows")).to_be_visible(timeout=PATIENT_MS)
    window.shot("project-predicting")
    expect(page.locator("#status-badge")).to_have_text("Scored", timeout=PATIENT_MS)
    expect(page.locator(".scores")).to_contain_text("1.00000")
    expect(page.locator(".step.is-done")).to_have_count(5)
    assert not window.was_reloaded()  # all of it came live
    fits(window, "project-scored")
    expect(page.get_by_role("link", name="model.zip")).to_be_visible()
    expect(page.get_by_role("heading", name="Log of train.py")).to_be_visible()
    assert CANARY not in page.content()
    assert "seen:" not in page.content()
    assert window.complaints == []


def test_what_fails_beside_hidden_rows_is_explained_by_its_line_alone(
    stack: Stack, browser: Browser, tmp_path: Path
) -> None:
    window = Window(browser, stack.url)
    page = window.page
    sign_up(window, "stumbler")
    hand_in(
        window, tmp_path / "work.zip", zipped({"train.py": b"open('/model/a','w')\n", "predict.py": FAILS})
    )
    expect(page.locator("#status-badge")).to_have_text("Runtime error", timeout=PATIENT_MS)
    told = page.get_by_role("status")
    expect(told).to_contain_text("in predict.py, line 4. The exception is of the kind KeyError.")
    expect(page.locator(".step.is-stopped")).to_have_text("Prediction")
    assert CANARY not in page.content()
    page.goto("/contests/secret/submit/")
    expect(page.get_by_text(re.compile(r"49 of 50 explanations of failures"))).to_be_visible()
    assert window.complaints == []


def test_an_archive_that_is_no_project_is_refused_beside_the_field(
    stack: Stack, browser: Browser, tmp_path: Path
) -> None:
    window = Window(browser, stack.url)
    sign_up(window, "packer")
    hand_in(window, tmp_path / "work.zip", zipped({"train.py": TRAIN}))
    expect(window.page.locator("#id_file_error")).to_contain_text("no predict.py")
    assert [line for line in window.complaints if "400" not in line] == []
