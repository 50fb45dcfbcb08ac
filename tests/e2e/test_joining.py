"""Joining a contest with rules as a person does it: read, accept, download all data, hand in, be on the board."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browser import Window
from tests.e2e.test_first_contest import PATIENT_MS, sign_up
from tests.stack import PERFECT, Stack

pytestmark = [pytest.mark.e2e, pytest.mark.once, pytest.mark.sandbox]
SECTIONS = (
    "", "data/", "rules/", "evaluation/", "limits/", "environment/", "starter/", "leaderboard/", "submissions/",
    "join/", "submit/",
)  # fmt: skip
GUARDED = """
from compute.models import Environment
from contests.models import Contest, TaskVersion
from tests import builders, stack_seed
tiny = TaskVersion.objects.get(task__phase__contest__slug="tiny")
contest = builders.make_contest(
    "guarded", title="Guarded flowers", title_zh="有规则的花", limits=stack_seed.LIMITS, files=stack_seed.FILES,
    solution=stack_seed.SOLUTION.encode(), daily_limit=1, licence="CC BY 4.0",
    rules="## Conduct\\n\\n1. One account each.\\n2. No data from elsewhere.",
    rules_zh="## 行为\\n\\n1. 每人一个账号。\\n2. 不使用外部数据。",
    evaluation="Each flower counts **once**.", data_description="`x` is the length of a petal in cm.",
)
contest.phases.update(total_limit=30)
version = builders.task_version_of(contest)
version.environment, version.scoring_environment = tiny.environment, tiny.scoring_environment
version.public_share = 40
version.save()
version.environments.set(tiny.environments.all())
if not tiny.environment.packages:
    names = ["numpy", "pandas", "scikit-learn", "matplotlib", "pillow"]
    Environment.objects.filter(pk=tiny.environment.pk).update(packages=[[n, "1.2.3"] for n in names])
"""


def test_rules_are_accepted_data_is_downloaded_and_a_submission_is_scored(
    stack: Stack, browser: Browser, tmp_path: Path
) -> None:
    stack.query(GUARDED)
    window = Window(browser, stack.url)
    page = window.page
    sign_up(window, "gardener")

    page.goto("/contests/guarded/submit/")
    expect(page.locator("input[type=file]")).to_have_count(0)
    page.get_by_role("link", name="Data", exact=True).click()
    expect(page).to_have_url(re.compile(r"/contests/guarded/join/\?next="))
    expect(page.get_by_text("No data from elsewhere.")).to_be_visible()
    page.get_by_label("Name on the board").fill("Green Thumb")
    page.get_by_label("I accept these rules").check()
    window.shot("join")
    page.get_by_role("button", name="Join").click()

    expect(page).to_have_url(re.compile(r"/contests/guarded/data/$"))
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download all").click()
    archive = tmp_path / "all.zip"
    downloading.value.save_as(archive)
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        assert sorted(opened.namelist()) == [
            "guarded/sample_submission.csv", "guarded/test.csv", "guarded/train.csv",
        ]  # fmt: skip

    page.get_by_role("link", name="Environments", exact=True).click()
    page.locator("summary", has_text="packages").first.click()
    page.get_by_label("Find a package").first.fill("panda")
    expect(page.get_by_role("cell", name="pandas")).to_be_visible()
    expect(page.get_by_role("cell", name="numpy")).to_be_hidden()
    window.shot("packages")
    page.get_by_label("Find a package").first.fill("no such thing")
    expect(page.get_by_text("No package of that name.").first).to_be_visible()

    page.get_by_role("link", name="Submit", exact=True).click()
    expect(page.get_by_text("1 of 1 submissions left today")).to_be_visible()
    expect(page.get_by_text("Green Thumb").first).to_be_visible()
    script = tmp_path / "main.py"
    script.write_bytes(PERFECT)
    page.get_by_label("File").set_input_files(script)
    page.get_by_role("button", name="Hand in").click()
    expect(page.locator("#status-badge")).to_have_text("Scored", timeout=PATIENT_MS)

    page.goto("/contests/guarded/submit/")
    expect(page.get_by_text("You have used all 1 submissions of today.")).to_be_visible()
    expect(page.get_by_role("button", name="Hand in")).to_be_disabled()
    window.shot("spent")
    page.goto("/contests/guarded/leaderboard/")
    expect(page.locator("tr.is-own")).to_contain_text("Green Thumb")
    assert window.complaints == []


def test_the_sections_keep_their_shape_and_are_reached_by_keyboard(stack: Stack, browser: Browser) -> None:
    stack.query(GUARDED.replace('"guarded"', '"shaped"'))
    window = Window(browser, stack.url)
    page = window.page
    sign_up(window, "reader")
    page.goto("/contests/shaped/join/")
    page.get_by_label("I accept these rules").check()
    page.get_by_role("button", name="Join").click()
    for width in (1200, 360):
        page.set_viewport_size({"width": width, "height": 740})
        for section in SECTIONS:
            page.goto(f"/contests/shaped/{section}")
            wide = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert wide <= 0, f"{section} scrolls sideways at {width} px"
            window.shot(f"sections-{width}-{section.strip('/') or 'overview'}")
    # From the first tab by keyboard to the last: each comes into sight, and the current one is named.
    page.goto("/contests/shaped/")
    tabs = page.get_by_role("navigation", name="Contest").get_by_role("link")
    tabs.first.focus()
    for _ in range(tabs.count() - 1):
        page.keyboard.press("Tab")
    expect(tabs.last).to_be_focused()
    expect(tabs.last).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/contests/shaped/submissions/$"))
    expect(tabs.last).to_have_attribute("aria-current", "page")
    page.get_by_role("button", name="简体中文").click()
    page.emulate_media(color_scheme="dark")
    for section in SECTIONS:
        page.goto(f"/contests/shaped/{section}")
        expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
        window.shot(f"sections-zh-dark-{section.strip('/') or 'overview'}")
    assert window.complaints == []
