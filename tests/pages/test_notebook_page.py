"""The executed notebook on its submission's page: for its owner, framed, and inert."""

from __future__ import annotations

import pytest

from accounts.models import User
from contests.models import Contest, Submission
from judge import notebooks
from runners.notebook.bundle import PAGE
from tests.builders import make_starter, make_submission, make_user
from tests.pages.reading import read, signed_in

HOSTILE = b'<div class="cell"><script>alert(1)</script><img src="https://evil.example/x.png">a table</div>'


def _submission(contest: Contest, user: User, page: bytes = HOSTILE) -> Submission:
    files = {"notebook.ipynb": b"{}", PAGE: page, "submission.csv": b"id,target\n"}
    return make_submission(contest, user, kind="notebook", status="FINISHED", files=files)


def test_the_notebook_is_framed_on_the_submissions_page(contest: Contest, alice: User) -> None:
    submission = _submission(contest, alice)
    page = read(signed_in(alice), f"/submissions/{submission.pk}/")
    assert f'src="/submissions/{submission.pk}/notebook/"' in page.html
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page.html
    assert f'href="/submissions/{submission.pk}/files/notebook.ipynb"' in page.html
    assert "evil.example" not in page.html


def test_the_frame_shows_the_notebook_and_forbids_everything(contest: Contest, alice: User) -> None:
    submission = _submission(contest, alice)
    answer = signed_in(alice).get(f"/submissions/{submission.pk}/notebook/")
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "a table" in text
    assert "<script" not in text
    assert "evil.example" not in text
    policy = answer["Content-Security-Policy"]
    for word in (
        "default-src 'none'",
        "img-src data:",
        "form-action 'none'",
        "frame-ancestors 'self'",
        "sandbox",
    ):
        assert word in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer["Cache-Control"]


def test_no_other_page_may_be_framed(contest: Contest, alice: User) -> None:
    submission = _submission(contest, alice)
    answer = signed_in(alice).get(f"/submissions/{submission.pk}/")
    assert answer["X-Frame-Options"] == "DENY"


def test_a_notebook_is_its_owners_and_the_organisers(contest: Contest, alice: User, bob: User) -> None:
    address = f"/submissions/{_submission(contest, alice).pk}/notebook/"
    assert signed_in(bob).get(address).status_code == 404
    organiser = make_user("olga")
    contest.organisers.add(organiser)
    assert signed_in(organiser).get(address).status_code == 200


def test_without_a_session_there_is_a_login(contest: Contest, alice: User, client: object) -> None:
    address = f"/submissions/{_submission(contest, alice).pk}/notebook/"
    assert client.get(address).status_code == 302  # type: ignore[attr-defined]


def test_the_files_of_a_script_are_never_shown_as_a_page(contest: Contest, alice: User) -> None:
    submission = make_submission(contest, alice, status="FINISHED", files={PAGE: b"<p>forged</p>"})
    assert signed_in(alice).get(f"/submissions/{submission.pk}/notebook/").status_code == 404
    assert "notebook-frame" not in read(signed_in(alice), f"/submissions/{submission.pk}/").html


def test_a_page_that_is_too_large_is_offered_for_download(
    contest: Contest, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notebooks, "MAX_PAGE", 10)
    submission = _submission(contest, alice)
    assert "too large to be shown" in read(signed_in(alice), f"/submissions/{submission.pk}/").text
    assert signed_in(alice).get(f"/submissions/{submission.pk}/notebook/").status_code == 404


def test_a_page_of_too_many_tags_says_so(contest: Contest, alice: User) -> None:
    submission = _submission(contest, alice, b"<br>" * 250_000)
    answer = signed_in(alice).get(f"/submissions/{submission.pk}/notebook/")
    assert "too large to be shown" in answer.content.decode()


def test_the_notebook_itself_is_only_ever_a_download(contest: Contest, alice: User) -> None:
    submission = _submission(contest, alice)
    answer = signed_in(alice).get(f"/submissions/{submission.pk}/files/notebook.html")
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["Content-Type"] == "application/octet-stream"
    assert "sandbox" in answer["Content-Security-Policy"]


def test_what_is_saved_of_the_page_is_the_cleaned_one(contest: Contest, alice: User) -> None:
    """From a disk it opens without any header of ours: a script in it would run there, as whoever opened it."""
    submission = _submission(contest, alice)
    answer = signed_in(alice).get(f"/submissions/{submission.pk}/files/notebook.html")
    text = b"".join(answer).decode()
    assert "a table" in text
    assert "<script" not in text
    assert "evil.example" not in text
    assert """content="default-src 'none';""" in text
    assert 'filename="notebook.html"' in answer["Content-Disposition"]


@pytest.mark.parametrize("page", [b"<br>" * 250_000, HOSTILE + b" " * 2_000_000], ids=["tags", "size"])
def test_a_page_that_cannot_be_cleaned_is_saved_as_text(
    contest: Contest, alice: User, monkeypatch: pytest.MonkeyPatch, page: bytes
) -> None:
    monkeypatch.setattr(notebooks, "MAX_PAGE", 1_500_000)
    submission = _submission(contest, alice, page)
    answer = signed_in(alice).get(f"/submissions/{submission.pk}/files/notebook.html")
    assert 'filename="notebook.html.txt"' in answer["Content-Disposition"]


def test_a_starter_notebook_is_shown_as_code(contest: Contest, alice: User) -> None:
    raw = b'{"nbformat": 4, "metadata": {}, "cells": [{"cell_type": "code", "source": ["import numpy\\n", "x"]}]}'
    make_starter(contest, "logistic.ipynb", raw, position=2)
    page = read(signed_in(alice), "/contests/digits/starter/")
    assert "# %% [1]\nimport numpy\nx" in page.html
    assert "cell_type" not in page.html
