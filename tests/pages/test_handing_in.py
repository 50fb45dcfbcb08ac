"""The upload form: what it says before, and what it says when a file is refused."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http.response import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import User
from contests.models import Contest, Submission
from judge import intake
from tests.builders import make_contest, make_submission, phase_of
from tests.pages.reading import Page, read, signed_in

ADDRESS = "/contests/digits/submit/"
SCRIPT = b"print('hello')\n"


@pytest.fixture
def browser(alice: User) -> Client:
    return signed_in(alice)


def hidden(page: Page, name: str) -> str:
    return next(str(field["value"]) for field in page.all("input") if field.get("name") == name)


def hand_in(
    browser: Client, name: str = "train.py", content: bytes = SCRIPT, page: Page | None = None, **fields: str
) -> HttpResponse:
    form = page or read(browser, ADDRESS)
    data: dict[str, object] = {
        "csrfmiddlewaretoken": hidden(form, "csrfmiddlewaretoken"),
        "key": hidden(form, "key"),
        "task": hidden(form, "task"),
        "environment": "python",
        **fields,
    }
    if name:
        data["file"] = SimpleUploadedFile(name, content)
    answer = browser.post(ADDRESS, data)
    assert isinstance(answer, HttpResponse)
    return answer


def said_beside(answer: HttpResponse, field: str) -> str:
    """The words beside the field that a screen reader finds by its `aria-describedby`."""
    html = answer.content.decode()
    assert 'aria-invalid="true"' in html
    return html.split(f'id="id_{field}_error"')[1].split("</div>")[0]


def test_a_script_becomes_a_submission(contest: Contest, browser: Client, alice: User) -> None:
    answer = hand_in(browser, environment="torch", note="first try")
    submission = Submission.objects.get()
    assert answer.status_code == 302
    assert answer["Location"] == f"/submissions/{submission.pk}/"
    assert (submission.user, submission.environment.name, submission.note) == (alice, "torch", "first try")
    assert submission.runs.get().jobs.get().status == "QUEUED"


def test_the_form_tells_quota_and_deadline_first(browser: Client, alice: User) -> None:
    deadline = timezone.now() + dt.timedelta(days=3)
    contest = make_contest(daily_limit=5, ends_at=deadline)
    make_submission(contest, alice)
    page = read(browser, ADDRESS)
    assert "4 of 5 submissions left today" in page.text
    assert page.html.index("left today") < page.html.index("multipart")
    assert deadline.strftime("%Y-%m-%d %H:%M UTC") in page.text


def test_the_button_pressed_twice_makes_one_submission(contest: Contest, browser: Client) -> None:
    page = read(browser, ADDRESS)
    first, second = hand_in(browser, page=page), hand_in(browser, page=page)
    assert first["Location"] == second["Location"]
    assert Submission.objects.count() == 1


def test_another_file_in_the_same_form_is_another_submission(contest: Contest, browser: Client) -> None:
    page = read(browser, ADDRESS)
    hand_in(browser, page=page)
    assert hand_in(browser, content=b"print(2)\n", page=page).status_code == 302
    assert Submission.objects.count() == 2


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("model.pkl", b"x", "This task takes files that end in: .csv, .py"),
        ("train.py", b"", "The file is empty."),
        ("train.py", b"\x00\x01", "it holds binary data"),
        ("train.py", b"#" * (intake.MAX_SCRIPT_BYTES + 1), "larger than the limit of 1 MB"),
        ("", b"", "This field is required."),
    ],
)
def test_a_refused_file_is_told_beside_the_field(
    contest: Contest, browser: Client, name: str, content: bytes, words: str
) -> None:
    answer = hand_in(browser, name, content)
    assert answer.status_code in {400, 413}
    assert words in said_beside(answer, "file")
    assert not Submission.objects.exists()


def test_a_large_file_of_predictions_is_refused(
    contest: Contest, browser: Client, settings: Settings
) -> None:
    settings.PODIUM_MAX_UPLOAD_MB = 0
    assert "limit of 0 MB" in said_beside(hand_in(browser, "p.csv", b"id,target\n"), "file")


def test_an_unknown_environment_and_a_long_note_are_told_beside_their_fields(
    contest: Contest, browser: Client
) -> None:
    assert "cobol" in said_beside(hand_in(browser, environment="cobol"), "environment")
    assert "300" in said_beside(hand_in(browser, note="x" * 301), "note")
    assert not Submission.objects.exists()


def test_a_spent_quota_is_told_above_the_form(browser: Client, alice: User) -> None:
    contest = make_contest(daily_limit=1)
    make_submission(contest, alice)
    answer = hand_in(browser)
    assert answer.status_code == 429
    assert "You have used all 1 submissions of today." in Page(answer.content.decode()).text
    assert Submission.objects.count() == 1


def test_a_contest_that_just_closed_says_so(contest: Contest, browser: Client) -> None:
    page = read(browser, ADDRESS)
    phase = phase_of(contest)
    phase.ends_at = timezone.now()
    phase.save()
    answer = hand_in(browser, page=page)
    assert "does not take submissions" in Page(answer.content.decode()).text
    assert not Submission.objects.exists()


def test_a_contest_before_and_after_offers_no_form(alice: User) -> None:
    now, hour = timezone.now(), dt.timedelta(hours=1)
    make_contest("before", starts_at=now + hour)
    make_contest("after", starts_at=now - 2 * hour, ends_at=now - hour)
    for slug, words in (("before", "has not started yet"), ("after", "any more")):
        page = read(signed_in(alice), f"/contests/{slug}/submit/")
        assert words in page.text
        assert not [field for field in page.all("input") if field.get("type") == "file"]


def test_no_task_of_another_contest_can_be_named(contest: Contest, browser: Client) -> None:
    answer = hand_in(browser, task="elsewhere")
    assert answer.status_code == 400
    assert not Submission.objects.exists()


def test_cancelling_needs_one_more_press_and_works_without_javascript(
    contest: Contest, browser: Client, alice: User
) -> None:
    submission = make_submission(contest, alice)
    page = read(browser, f"/submissions/{submission.pk}/")
    assert "Yes, stop it" in page.text
    answer = browser.post(
        f"/submissions/{submission.pk}/cancel/", {"csrfmiddlewaretoken": hidden(page, "csrfmiddlewaretoken")}
    )
    assert answer["Location"] == f"/submissions/{submission.pk}/"
    submission.refresh_from_db()
    assert submission.status == "CANCELLED"
    page = read(browser, f"/submissions/{submission.pk}/")
    assert "Yes, stop it" not in page.text


def test_downloads_hold_what_was_stored(contest: Contest, browser: Client, tmp_path: Path) -> None:
    answer = browser.get("/contests/digits/starter/baseline.py")
    assert answer.getvalue() == b"print('start here')\n"
    answer = browser.get("/contests/digits/data/train.csv")
    assert answer["Content-Disposition"] == 'attachment; filename="train.csv"'
