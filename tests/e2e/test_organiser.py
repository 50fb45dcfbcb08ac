"""An organiser with no shell makes a contest in the admin, mends what its check finds, and publishes it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.builders import PASSWORD
from tests.e2e.browser import Window
from tests.e2e.test_first_contest import sign_up
from tests.stack import PERFECT, Stack

pytestmark = [pytest.mark.e2e, pytest.mark.once, pytest.mark.sandbox]

PATIENT_MS = 60_000
ROWS = 40
# Staff, no superuser.
ORGANISER = """
from accounts.models import User
from tests import builders
User.objects.get_or_create(username="ada", defaults={"password": builders._password_hash(), "is_staff": True})
"""


def x_of(row: int) -> float:
    return (row * 7 % ROWS) / ROWS


def label(row: int) -> int:
    return int(x_of(row) > 0.5)


TRAIN = "id,x,target\n" + "".join(f"{900 + row},{x_of(row):.4f},{label(row)}\n" for row in range(ROWS))
TEST = "id,x\n" + "".join(f"{row},{x_of(row):.4f}\n" for row in range(ROWS))
TEST_WITH_LABELS = "id,x,target\n" + "".join(f"{row},{x_of(row):.4f},{label(row)}\n" for row in range(ROWS))
SAMPLE = "id,target\n" + "".join(f"{row},0\n" for row in range(ROWS))
SAMPLE_WRONG = "id,label\n" + "".join(f"{row},0\n" for row in range(ROWS))
SOLUTION = "id,target\n" + "".join(f"{row},{label(row)}\n" for row in range(ROWS))


def written(folder: Path, **files: str) -> list[Path]:
    paths = []
    for name, text in files.items():
        path = folder / name.replace("__", ".")
        path.write_text(text)
        paths.append(path)
    return paths


def log_in(window: Window, name: str) -> None:
    page = window.page
    page.goto("/accounts/login/?next=/admin/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign In").click()
    expect(page.get_by_role("link", name="Podium · Administration")).to_be_visible()


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()


def press_check(page: Page, name: str = "Check") -> None:
    page.get_by_role("button", name=name, exact=True).click()
    expect(page).to_have_url(re.compile(r"/contests/check/\d+/change/$"))
    expect(page.get_by_role("button", name="Check again")).to_be_visible(timeout=PATIENT_MS)


def open_a_contest(window: Window) -> None:
    page = window.page
    page.goto("/admin/contests/contest/add/")
    page.locator("#id_title").press_sequentially("Wine of the north")
    expect(page.locator("#id_slug")).to_have_value("wine-of-the-north")
    page.locator("#id_summary").fill("Which vineyard?")
    page.locator("#id_description").fill("# Wine\n\nTell *red* from white.")
    page.locator("#id_registration").select_option("invite")
    expect(page.locator("#id_invite_code")).to_be_visible()
    page.locator("#id_registration").select_option("open")
    expect(page.locator("#id_invite_code")).to_be_hidden()
    save(page)
    expect(page.get_by_text("The contest is there, still hidden. Next: its task.")).to_be_visible()
    window.shot("admin-contest")


def make_its_task(window: Window, folder: Path) -> None:
    page = window.page
    page.get_by_role("link", name="Add its task").click()
    expect(page.get_by_role("heading", name="Settings of “F1”")).to_be_hidden()
    page.locator("#id_metric").select_option("f1")
    expect(page.get_by_role("heading", name="Settings of “F1”")).to_be_visible()
    page.locator("#id_metric").select_option("accuracy")
    files = written(folder, train__csv=TRAIN, test__csv=TEST_WITH_LABELS, sample_submission__csv=SAMPLE_WRONG)
    page.locator("#id_data_files").set_input_files(files)
    page.locator("#id_solution").set_input_files(written(folder, solution__csv=SOLUTION))
    page.get_by_label("Public share").fill("50")
    page.locator("#id_limit_memory_mb").fill("512")  # projects have limits of the same names
    save(page)
    expect(page.get_by_role("row", name=re.compile("sample_submission.csv"))).to_be_visible()
    window.shot("admin-task")


def mend_it(window: Window, folder: Path) -> None:
    """Two files are replaced, and a baseline is added."""
    page = window.page
    page.get_by_role("link", name="Mend it").first.click()
    page.locator("#id_data_files").set_input_files(
        written(folder, test__csv=TEST, sample_submission__csv=SAMPLE)
    )
    save(page)
    page.get_by_role("link", name="Wine of the north").click()
    page.get_by_role("link", name="Starter code (0)").click()
    page.get_by_role("link", name="Add starter code").click()
    baseline = folder / "baseline.py"
    baseline.write_bytes(PERFECT)
    page.locator("#id_file").set_input_files(baseline)
    page.locator("#id_title").fill("A baseline")
    page.get_by_label("Baseline").check()
    save(page)
    expect(page.get_by_role("link", name="A baseline").first).to_be_visible()


def test_a_contest_from_nothing_to_its_first_score(stack: Stack, browser: Browser, tmp_path: Path) -> None:
    stack.query(ORGANISER)
    window = Window(browser, stack.url)
    page = window.page
    log_in(window, "ada")
    open_a_contest(window)
    contest = page.url
    make_its_task(window, tmp_path)

    press_check(page)
    mistakes = page.locator(".findings li")
    expect(mistakes.filter(has_text="test.csv").first).to_contain_text("target")
    expect(mistakes.filter(has_text="sample_submission.csv").first).to_contain_text("label")
    window.shot("admin-check-red")
    page.goto(f"{contest.replace('change', 'publish')}")
    expect(page.get_by_text("found mistakes")).to_be_visible()
    page.go_back()

    mend_it(window, tmp_path)
    page.goto(contest)
    press_check(page)
    expect(page.locator(".check-green")).to_be_visible()
    expect(page.get_by_text("Rows of the solution: 20 public, 20 private, 0 ignored.")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("baseline.py.*SCORED"))).to_be_visible()
    window.shot("admin-check-green")

    page.goto(contest)
    page.get_by_role("link", name="Publish…").click()
    page.get_by_role("button", name="Yes, publish it").click()
    expect(page.get_by_text("Published: everybody sees it now.")).to_be_visible()
    window.shot("admin-published")
    assert window.complaints == []

    contestant = Window(browser, stack.url)
    sign_up(contestant, "taster")
    contestant.page.goto("/contests/wine-of-the-north/submit/")
    (script,) = written(tmp_path, first__py=PERFECT.decode())
    contestant.page.get_by_label("File").set_input_files(script)
    contestant.page.get_by_role("button", name="Hand in").click()
    expect(contestant.page.locator("#status-badge")).to_have_text("Scored", timeout=PATIENT_MS)
    contestant.page.goto("/contests/wine-of-the-north/leaderboard/")
    expect(contestant.page.locator("tr[data-team]")).to_have_count(
        1
    )  # the organiser's baseline stands on no board
    expect(contestant.page.locator("tr[data-team]")).to_contain_text("1.00000")
    assert contestant.complaints == []


def test_the_administration_keeps_its_shape_in_chinese_on_a_narrow_screen(
    stack: Stack, browser: Browser
) -> None:
    stack.query(ORGANISER)
    window = Window(browser, stack.url)
    page = window.page
    log_in(window, "ada")
    page.context.add_cookies([{"name": "django_language", "value": "zh-hans", "url": stack.url}])
    for width in (360, 1200):
        page.set_viewport_size({"width": width, "height": 800})
        for path in ("/admin/", "/admin/contests/contest/add/", "/admin/contests/task/add/"):
            page.goto(path)
            expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
            wide = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert wide <= 0, f"{path} scrolls sideways at {width} px"
            window.shot(f"admin-zh-{width}{path.replace('/', '-')}")
    page.emulate_media(color_scheme="dark")
    page.goto("/")  # whose theme is kept in the same place as the administration's
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    assert window.complaints == []
