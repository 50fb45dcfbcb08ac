"""A first contest as a person lives it: sign up, hand a script in, watch its log, see the row appear elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.builders import PASSWORD
from tests.e2e.browser import Window
from tests.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.once, pytest.mark.sandbox]

PATIENT_MS = 40_000
# Prints, waits, prints again: what is seen in between has come live. Then it writes perfect predictions.
SCRIPT = b"""
import csv, time
for epoch in range(1, 7):
    print("epoch", epoch, "of 6", flush=True)
    time.sleep(1)
rows = list(csv.DictReader(open("/input/test.csv")))
with open("submission.csv", "w") as file:
    file.write("id,target\\n" + "".join(f"{row['id']},{int(float(row['x']) > 0.5)}\\n" for row in rows))
print("written")
"""


def sign_up(window: Window, name: str) -> None:
    page = window.page
    page.goto("/")
    page.get_by_role("link", name="Create an account").click()
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password", exact=True).fill("a-long-enough-phrase")
    page.get_by_label("Password (again)").fill("a-long-enough-phrase")
    page.get_by_role("button", name="Sign Up").click()
    expect(page.get_by_text(name).first).to_be_visible()


def test_a_script_goes_from_upload_to_the_board_before_everybodys_eyes(
    stack: Stack, browser: Browser, tmp_path: Path
) -> None:
    spectator, contestant = Window(browser, stack.url), Window(browser, stack.url)
    board = spectator.page
    board.goto("/contests/tiny/leaderboard/")
    expect(board.locator("[data-live-text]")).to_have_text("Live")
    spectator.remember()

    sign_up(contestant, "newcomer")
    page = contestant.page
    page.goto("/contests/tiny/")
    page.get_by_role("link", name="Submit", exact=True).click()
    script = tmp_path / "first_try.py"
    script.write_bytes(SCRIPT)
    page.get_by_label("File").set_input_files(script)
    page.get_by_label("Note").fill("my first one")
    contestant.shot("submit")
    page.get_by_role("button", name="Hand in").click()

    expect(page).to_have_url(re.compile(r"/submissions/[0-9a-f-]{36}/$"))
    contestant.remember()
    log = page.locator("#log")
    expect(log).to_contain_text("epoch 1 of 6", timeout=PATIENT_MS)
    expect(page.locator("#status-badge")).to_have_text("Running")
    expect(log).not_to_contain_text("written")
    contestant.shot("running")
    expect(log).to_contain_text("epoch 4 of 6", timeout=PATIENT_MS)
    expect(page.locator("#status-badge")).to_have_text("Scored", timeout=PATIENT_MS)
    expect(log).to_contain_text("written")
    assert log.text_content() == "".join(f"epoch {n} of 6\n" for n in range(1, 7)) + "written\n"
    expect(page.get_by_text("submission.csv").first).to_be_visible()
    assert not contestant.was_reloaded(), "the page kept itself up to date without a reload"
    contestant.shot("scored")

    row = board.locator("tr[data-team]", has_text="newcomer")
    expect(row).to_be_visible(timeout=PATIENT_MS)
    expect(row.locator(".board-score")).to_have_text(page.locator(".scores dd").first.text_content() or "?")
    assert not spectator.was_reloaded(), "the row came by itself"
    spectator.shot("board")

    page.goto("/contests/tiny/leaderboard/")
    expect(page.locator("tr.is-own")).to_contain_text("newcomer")
    assert spectator.complaints == []
    assert contestant.complaints == []


def test_a_running_script_is_cancelled_from_its_page(stack: Stack, browser: Browser, tmp_path: Path) -> None:
    window = Window(browser, stack.url)
    sign_up(window, "impatient")
    page = window.page
    page.goto("/contests/tiny/submit/")
    script = tmp_path / "endless.py"
    script.write_bytes(b"import time\nprint('begun', flush=True)\ntime.sleep(600)\n")
    page.get_by_label("File").set_input_files(script)
    page.get_by_role("button", name="Hand in").click()
    expect(page.locator("#log")).to_contain_text("begun", timeout=PATIENT_MS)
    # The log may be there first; a menu opened before that closes when it begins to cost something.
    expect(page.locator("#status-badge")).to_have_text("Running")
    page.get_by_text("Cancel…").click()
    page.get_by_role("button", name="Yes, stop it").click()
    expect(page.locator("#status-badge")).to_have_text("Cancelled")
    assert window.complaints == []


CROWD = """
from accounts.models import User
from tests import builders
contest = builders.make_contest("crowded")
builders.fill_board(contest, 104, best=0.9)
builders.make_submission(contest, User.objects.get(username="bob"), status="FINISHED", public_score=0.01)
"""
OVERTAKER = """
from contests.models import Contest
from tests import builders
contest = Contest.objects.get(slug="crowded")
overtaker = builders.make_user("overtaker")
builders.make_submission(contest, overtaker, status="FINISHED", public_score=0.95)
"""


def test_the_own_standing_beyond_the_page_is_kept_up_to_date(stack: Stack, browser: Browser) -> None:
    stack.query(CROWD)
    window = Window(browser, stack.url)
    page = window.page
    page.clock.install()
    page.goto("/accounts/login/?next=/contests/crowded/leaderboard/")
    page.get_by_label("Username").fill("bob")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign In").click()
    own = page.locator("[data-board-own]")
    expect(own).to_contain_text("You stand at rank 105 with 0.01000.")
    expect(page.locator("[data-live-text]")).to_have_text("Live")
    expect(page.locator("tr[data-team]")).to_have_count(100)
    stack.query(OVERTAKER)
    expect(page.locator("tr[data-team]").first).to_contain_text("overtaker", timeout=PATIENT_MS)
    page.clock.fast_forward(10_000)  # within which it asks for the own standing
    expect(page.locator("tr[data-team]")).to_have_count(100)
    expect(own).to_contain_text("You stand at rank 106 with 0.01000.", timeout=PATIENT_MS)
    assert window.complaints == []


RARE = """
from compute.models import Pool
from tests import builders
contest = builders.make_contest("rare", environments=["cobol"])
builders.make_host(Pool.objects.get(slug="cpu"), name="builder",
                   building={"cobol": {"state": "building", "percent": 10, "step": "x"}})
builders.make_submission(contest, builders.make_user("patient"), filename="waits.py")
"""
FURTHER = """
from django.utils import timezone
from compute.models import RunnerHost
RunnerHost.objects.filter(name="builder").update(
    building={"cobol": {"state": "building", "percent": 55, "step": "y"}}, seen_at=timezone.now())
"""


def test_a_page_tells_how_far_the_environment_it_waits_for_is(stack: Stack, browser: Browser) -> None:
    stack.query(RARE)
    window = Window(browser, stack.url)
    page = window.page
    page.clock.install()
    page.goto("/accounts/login/?next=/submissions/")
    page.get_by_label("Username").fill("patient")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign In").click()
    page.get_by_role("link", name="waits.py").click()
    expect(page.get_by_text("which is being built: 10 % done")).to_be_visible()
    page.get_by_text("Cancel…").click()
    stack.query(FURTHER)
    page.clock.fast_forward(6_000)  # it looks every five seconds
    expect(page.get_by_text("which is being built: 55 % done")).to_be_visible(timeout=PATIENT_MS)
    # The open menu survived the refresh of what is around it.
    page.get_by_role("button", name="Yes, stop it").click()
    expect(page.locator("#status-badge")).to_have_text("Cancelled")
    assert window.complaints == []


def test_a_file_over_the_limit_is_refused_before_it_is_sent(
    stack: Stack, browser: Browser, tmp_path: Path
) -> None:
    window = Window(browser, stack.url)
    sign_up(window, "generous")
    page = window.page
    page.goto("/contests/tiny/submit/")
    field = page.get_by_label("File")
    large = tmp_path / "large.csv"
    with large.open("wb") as file:
        file.truncate(int(field.get_attribute("data-max-bytes") or 0) + 1)
    field.set_input_files(large)
    expect(page.get_by_role("alert")).to_have_text("The file is larger than the limit of 100 MB.")
    page.get_by_role("button", name="Hand in").click()
    expect(field).to_be_focused()
    expect(page).to_have_url(re.compile(r"/submit/$"))
    assert window.complaints == []


def test_the_pages_keep_their_shape_and_colours(stack: Stack, browser: Browser) -> None:
    window = Window(browser, stack.url)
    page = window.page
    for width in (360, 1200):
        page.set_viewport_size({"width": width, "height": 740})
        for path in ("/", "/contests/tiny/", "/contests/tiny/leaderboard/", "/accounts/signup/"):
            page.goto(path)
            wide = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert wide <= 0, f"{path} scrolls sideways at {width} px"
    root = page.locator("html")
    expect(root).to_have_attribute("data-bs-theme", "light")
    page.get_by_role("button", name="Switch between light and dark").click()
    expect(root).to_have_attribute("data-bs-theme", "dark")
    page.goto("/")
    expect(root).to_have_attribute("data-bs-theme", "dark")
    page.get_by_role("button", name="简体中文").click()
    expect(root).to_have_attribute("lang", "zh-hans")
    expect(page.get_by_role("heading", level=1)).to_contain_text("提交训练代码")
    window.shot("home-chinese-dark")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="跳到正文")).to_be_focused()
    assert window.complaints == []
