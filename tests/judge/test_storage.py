"""The files handed in to a contest take up no more than its organisers were given, also when many come at once."""

from __future__ import annotations

import functools

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import User
from contests import storage
from contests.models import Contest, Submission
from judge import intake
from tests.builders import join, make_contest, make_pool, make_user
from tests.together import at_once

MB = 1 << 20


def predictions(letter: str, size: int = MB) -> bytes:
    return f"id,target\n{letter},1\n".encode().ljust(size, b"#")


def hand_in(contest: Contest, user: User, content: bytes) -> Submission:
    return intake.submit(user=user, contest=contest, file=SimpleUploadedFile("p.csv", content))


@pytest.fixture
def contest() -> Contest:
    make_pool("scoring", trusted=True)
    return make_contest("digits", storage_mb=3, kinds=("predictions",), daily_limit=100)


@pytest.mark.django_db
def test_an_upload_beyond_the_limit_is_refused_with_words_that_say_what_to_do(contest: Contest) -> None:
    alice = make_user("alice")
    join(contest, alice)
    for letter in "abc":
        hand_in(contest, alice, predictions(letter))
    assert storage.used(contest) == 3 * MB
    with pytest.raises(intake.Rejected, match="have reached 3 MB") as refused:
        hand_in(contest, alice, predictions("d", 64))
    assert (refused.value.code, refused.value.status) == ("contest_full", 413)
    assert Submission.objects.count() == 3


@pytest.mark.django_db
def test_what_is_stored_already_takes_up_nothing_more(contest: Contest) -> None:
    alice, bob = make_user("alice"), make_user("bob")
    for user in (alice, bob):
        join(contest, user)
    for letter in "abc":
        hand_in(contest, alice, predictions(letter))
    hand_in(contest, bob, predictions("a"))
    assert storage.used(contest) == 3 * MB


@pytest.mark.django_db
def test_without_a_limit_nothing_is_counted(contest: Contest) -> None:
    Contest.objects.update(storage_mb=None)
    contest.refresh_from_db()
    alice = make_user("alice")
    join(contest, alice)
    for letter in "abcde":
        hand_in(contest, alice, predictions(letter))


@pytest.mark.django_db(transaction=True)
def test_of_twelve_at_once_exactly_those_that_fit_are_accepted(contest: Contest) -> None:
    users = [make_user(f"u{number}") for number in range(12)]
    for user in users:
        join(contest, user)
    works = [functools.partial(hand_in, contest, user, predictions(f"x{n}")) for n, user in enumerate(users)]
    outcomes = at_once(works, refusal=intake.Rejected)
    assert sum(isinstance(outcome, Submission) for outcome in outcomes) == 3
    assert {outcome.code for outcome in outcomes if isinstance(outcome, intake.Rejected)} == {"contest_full"}
    assert storage.used(contest) == 3 * MB
