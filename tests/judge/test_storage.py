"""The files handed in to a contest take up no more than its organisers were given, also when many come at once."""

from __future__ import annotations

import functools
import hashlib

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import User
from contests import blobs, storage
from contests.models import Blob, Contest, Submission
from judge import cancel, intake, rejudging
from tests.builders import join, make_contest, make_pool, make_user
from tests.judge.host import Host
from tests.together import at_once

MB = 1 << 20


def predictions(letter: str, size: int = MB) -> bytes:
    return f"id,target\n{letter},1\n".encode().ljust(size, b"#")


def hand_in(contest: Contest, user: User, content: bytes, key: str | None = None) -> Submission:
    file = SimpleUploadedFile("p.csv", content)
    return intake.submit(user=user, contest=contest, file=file, idempotency_key=key)


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
    refused_file = hashlib.sha256(predictions("d", 64)).hexdigest()
    assert not blobs.exists(refused_file), "whoever tries again and again would fill the disk"
    assert not Blob.objects.filter(pk=refused_file).exists()


@pytest.mark.django_db
def test_what_is_refused_takes_nothing_from_a_contest_that_has_the_same_file(contest: Contest) -> None:
    alice, bob = make_user("alice"), make_user("bob")
    other = make_contest("other", kinds=("predictions",))
    join(contest, alice)
    join(other, bob)
    for letter in "abc":
        hand_in(contest, alice, predictions(letter))
    theirs = hand_in(other, bob, predictions("d"))
    with pytest.raises(intake.Rejected, match="have reached 3 MB"):
        hand_in(contest, alice, predictions("d"))
    assert b"".join(blobs.pieces_of(theirs.blob_id)) == predictions("d")


@pytest.mark.django_db
def test_what_its_owner_calls_back_before_it_starts_takes_up_nothing_and_may_be_handed_in_again(
    contest: Contest, client: Client, settings: Settings
) -> None:
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }
    alice = make_user("alice")
    join(contest, alice)
    client.force_login(alice)
    for _number in range(4):  # of 1 MB each, where 3 MB fit
        taken = hand_in(contest, alice, predictions("a", 3 * MB))
        assert cancel.cancel(taken, by=alice)
        assert (storage.used(contest), blobs.exists(taken.blob_id)) == (0, False)
    taken.refresh_from_db()
    assert not taken.file_kept
    assert client.get(f"/submissions/{taken.pk}/source/").status_code == 404
    assert "deleted, as it was called back" in client.get(f"/submissions/{taken.pk}/").content.decode()
    with pytest.raises(rejudging.CannotRejudge, match="its file is gone"):
        rejudging.rejudge(taken)


@pytest.mark.django_db
@pytest.mark.parametrize("letter", ["a", "b"])
def test_the_key_of_what_was_called_back_is_refused_as_nobody_can_say_any_more_what_it_stood_for(
    contest: Contest, letter: str
) -> None:
    alice = make_user("alice")
    join(contest, alice)
    first = hand_in(contest, alice, predictions("a"), key="k")
    assert cancel.cancel(first, by=alice)
    with pytest.raises(intake.Rejected, match="was called back") as refused:
        hand_in(contest, alice, predictions(letter), key="k")
    assert (refused.value.code, refused.value.status) == ("key_reused", 409)
    assert hand_in(contest, alice, predictions(letter), key="another").pk != first.pk


@pytest.mark.django_db
@pytest.mark.parametrize("by", ["an organiser", "whoever runs the site", "its owner, once it has started"])
def test_what_others_call_back_or_has_started_keeps_its_file(contest: Contest, by: str) -> None:
    alice, organiser = make_user("alice"), make_user("organiser")
    join(contest, alice)
    contest.organisers.add(organiser)
    taken = hand_in(contest, alice, predictions("a"))
    if "started" in by:
        Host().must_claim("scoring")
    assert cancel.cancel(taken, by={"an organiser": organiser, "whoever runs the site": None}.get(by, alice))
    taken.refresh_from_db()
    assert taken.file_kept
    assert b"".join(blobs.pieces_of(taken.blob_id)) == predictions("a")


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
