"""Who takes part: registration policies, rules to accept, names on the board."""

from __future__ import annotations

import functools

import pytest
from allauth.account.models import EmailAddress
from pytest_django.fixtures import Settings

from accounts.models import User
from contests import joining
from contests.models import Contest, Participation, Team
from tests.builders import make_contest, make_user
from tests.together import at_once

pytestmark = pytest.mark.django_db
RULES = "Be kind.\n\nOne account each."


def refusal(user: User, contest: Contest, **given: object) -> joining.NotAdmitted:
    before = Participation.objects.count()
    with pytest.raises(joining.NotAdmitted) as caught:
        joining.join(user, contest, **given)  # type: ignore[arg-type]
    assert Participation.objects.count() == before
    assert caught.value.message
    return caught.value


def confirm(user: User, address: str, *, verified: bool = True) -> None:
    EmailAddress.objects.create(user=user, email=address, verified=verified)


def test_an_open_contest_without_rules_is_joined_by_the_first_submission() -> None:
    user, contest = make_user(display_name="Alice A."), make_contest()
    assert joining.standing(user, contest).may_submit
    place = joining.require(user, contest)
    assert (place.state, place.team.name) == ("active", "Alice A.")
    assert joining.require(user, contest).pk == place.pk


def test_a_visitor_is_told_to_sign_in() -> None:
    standing = joining.standing(None, make_contest())
    assert (standing.may_submit, standing.code) == (False, "anonymous")


def test_rules_are_accepted_before_anything_is_handed_in() -> None:
    user, contest = make_user(), make_contest(rules=RULES)
    assert joining.standing(user, contest).needs_rules
    with pytest.raises(joining.NotAdmitted) as caught:
        joining.require(user, contest)
    assert caught.value.code == "rules"
    assert refusal(user, contest).code == "rules"
    place = joining.join(user, contest, accept_rules=True)
    assert place.rules_digest == joining.rules_digest(contest)
    assert place.rules_accepted_at is not None
    assert joining.require(user, contest).pk == place.pk


def test_changed_rules_are_asked_again_and_the_place_is_kept() -> None:
    user, contest = make_user(), make_contest(rules=RULES)
    place = joining.join(user, contest, accept_rules=True)
    contest.rules += "\n\nNo sharing."
    contest.save()
    standing = joining.standing(user, contest)
    assert (standing.needs_rules, standing.may_submit, standing.participation) == (True, False, place)
    assert "have changed" in standing.reason
    assert not joining.may_see_data(user, contest)
    again = joining.join(user, contest, accept_rules=True)
    assert again.pk == place.pk
    assert joining.may_see_data(user, contest)


def test_rules_saved_again_by_a_browser_are_the_same_rules() -> None:
    contest = make_contest(rules=RULES)
    digest = joining.rules_digest(contest)
    contest.rules = RULES.replace("\n", "\r\n") + "\r\n"
    assert joining.rules_digest(contest) == digest
    contest.rules_zh = "友善。"
    assert joining.rules_digest(contest) not in {"", digest}
    contest.rules = contest.rules_zh = " \r\n"
    assert joining.rules_digest(contest) == ""


def test_an_invitation_needs_the_exact_code() -> None:
    contest = make_contest(registration="invite", invite_code="spring-2026-ü")
    user = make_user()
    standing = joining.standing(user, contest)
    assert (standing.needs_code, standing.may_join, standing.may_submit) == (True, True, False)
    assert refusal(user, contest).code == "invite"
    for wrong in ("spring-2026", "SPRING-2026-Ü", "spring-2026-ü\ud800", "\x00", "x" * 10_000):
        assert refusal(user, contest, code=wrong).code == "wrong_code"
    assert joining.join(user, contest, code=" spring-2026-ü ").state == "active"
    assert joining.standing(user, contest).may_submit


def test_a_contest_without_a_code_is_opened_by_no_code() -> None:
    contest = make_contest(registration="invite", invite_code="")
    assert refusal(make_user("a"), contest, code="").code == "invite"
    assert refusal(make_user("b"), contest, code="x").code == "wrong_code"


@pytest.mark.parametrize(
    ("address", "verified", "admitted"),
    [
        ("a@Uni-A.edu", True, True),
        ("a@uni-b.edu", True, True),
        ("a@uni-a.edu", False, False),
        ("a@sub.uni-a.edu", True, False),
        ("a@uni-a.edu.evil.org", True, False),
        ("a@eviluni-a.edu", True, False),
    ],
)
def test_a_domain_counts_only_in_a_confirmed_address(
    settings: Settings, address: str, *, verified: bool, admitted: bool
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    contest = make_contest(registration="domain", email_domains="uni-a.edu, @UNI-B.edu")
    user = make_user(email="me@uni-a.edu")  # only typed in: proves nothing
    confirm(user, address, verified=verified)
    if admitted:
        assert joining.join(user, contest).state == "active"
    else:
        assert refusal(user, contest).code == "domain"
        assert "uni-a.edu, uni-b.edu" in joining.standing(user, contest).reason


def test_where_no_mail_can_be_sent_the_organisers_admit_instead(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    contest, user = make_contest(registration="domain", email_domains="uni-a.edu"), make_user()
    assert "organisers have to admit you" in joining.standing(user, contest).reason
    assert joining.join(user, contest).state == "pending"
    assert not joining.standing(user, contest).may_submit


def test_a_closed_contest_keeps_those_who_are_in() -> None:
    contest, early, late = make_contest(), make_user("early"), make_user("late")
    joining.require(early, contest)
    Contest.objects.filter(pk=contest.pk).update(registration="closed")
    contest.refresh_from_db()
    assert joining.standing(early, contest).may_submit
    assert refusal(late, contest).code == "registration_closed"
    assert not joining.standing(late, contest).may_join
    with pytest.raises(joining.NotAdmitted):
        joining.require(late, contest)


def test_organisers_decide_who_is_admitted() -> None:
    contest, user = make_contest(registration="approval", rules=RULES), make_user()
    assert refusal(user, contest).code == "rules"
    place = joining.join(user, contest, accept_rules=True)
    assert place.state == "pending"
    assert joining.join(user, contest, accept_rules=True).pk == place.pk
    assert joining.standing(user, contest).code == "pending"
    assert not joining.may_see_data(user, contest)
    joining.decide(place, "active")
    assert joining.standing(user, contest).may_submit
    assert joining.may_see_data(user, contest)
    joining.decide(place, "refused")
    assert joining.standing(user, contest).code == "refused"
    assert refusal(user, contest, accept_rules=True).code == "refused"
    with pytest.raises(ValueError, match="pending"):
        joining.decide(place, "pending")


def test_a_refusal_outlasts_an_opening() -> None:
    contest, user = make_contest(registration="approval"), make_user()
    joining.decide(joining.join(user, contest), "refused")
    contest.registration = "open"
    contest.save()
    assert refusal(user, contest).code == "refused"
    with pytest.raises(joining.NotAdmitted):
        joining.require(user, contest)


def test_organisers_need_no_invitation_to_their_own_contest() -> None:
    contest, user = make_contest(registration="invite", invite_code="x"), make_user()
    contest.organisers.add(user)
    assert joining.may_see_data(user, contest)
    assert joining.require(user, contest).state == "active"


@pytest.mark.parametrize("registration", ["invite", "domain", "approval", "closed"])
def test_the_data_of_a_contest_that_admits_is_for_those_admitted(registration: str) -> None:
    contest, user = make_contest(), make_user()
    assert joining.may_see_data(None, contest)
    joining.require(user, contest)
    contest.registration = registration
    contest.save()
    assert not joining.may_see_data(None, contest)
    assert not joining.may_see_data(make_user("other"), contest)
    assert joining.may_see_data(user, contest)


def test_two_names_that_look_the_same_are_one_name() -> None:
    contest = make_contest()
    joining.join(make_user("first"), contest, name="Alice  Jones")
    for number, name in enumerate(
        ("alice jones", "ALICE JONES", "Alice\u00a0Jones", "Ａlice Jones", "Alice Jones\u202e", "Аliсе Jones")
    ):
        assert refusal(make_user(f"u{number}"), contest, name=name).code == "name_taken", name
    assert joining.join(make_user("other"), make_contest("elsewhere"), name="alice jones").team.name


def test_a_name_is_made_harmless_and_must_show_something() -> None:
    contest = make_contest()
    place = joining.join(make_user("a"), contest, name=" Zo\u0000e\u202e \n\t x" + "\u0301" * 30)
    assert place.team.name == "Zoe x́" + "\u0301" * 2
    for number, name in enumerate(("\u200b\u202e", "\u3164", "\u2800 \u00ad", "\ud800", "x" * 61)):
        assert refusal(make_user(f"u{number}"), contest, name=name).code == "bad_name"


def test_a_taken_public_name_gets_a_number_when_nobody_chose_it() -> None:
    contest = make_contest()
    joining.join(make_user("squatter"), contest, name="Alice")
    assert joining.require(make_user("alice"), contest).team.name == "alice 2"
    assert joining.require(make_user("x", display_name="ALICE"), contest).team.name == "ALICE 3"


def test_a_name_is_changed_by_its_own_rules() -> None:
    contest = make_contest()
    place = joining.join(make_user("a"), contest, name="First")
    joining.join(make_user("b"), contest, name="Second")
    assert joining.rename(place, "FIRST").team.name == "FIRST"  # its own name, written otherwise
    with pytest.raises(joining.NotAdmitted, match="has this name"):
        joining.rename(place, "second")
    assert Team.objects.get(pk=place.team_id).name == "FIRST"


def test_a_pseudonymous_contest_shows_no_chosen_name_and_no_username() -> None:
    contest = make_contest(pseudonymous=True)
    place = joining.join(make_user("alice", display_name="Alice"), contest, name="Alice")
    assert "alice" not in place.team.name.lower()
    assert len(place.team.name.split()) == 3
    with pytest.raises(joining.NotAdmitted) as caught:
        joining.rename(place, "Alice")
    assert caught.value.code == "pseudonymous"


def test_a_contest_that_becomes_pseudonymous_hides_the_names_it_showed() -> None:
    contest = make_contest()
    place = joining.join(make_user("alice"), contest, name="Alice")
    assert joining.hide_names(contest) == 0
    contest.pseudonymous = True
    contest.save()
    assert joining.hide_names(contest) == 1
    place.team.refresh_from_db()
    assert "Alice" not in place.team.name
    assert joining.hide_names(contest) == 0


@pytest.mark.django_db(transaction=True)
def test_eight_joins_at_once_are_one_participation() -> None:
    user, contest = make_user(), make_contest(rules=RULES)
    results = at_once(
        [lambda: joining.join(user, contest, accept_rules=True).pk] * 8, refusal=joining.NotAdmitted
    )
    assert len(results) == 8
    assert len(set(results)) == 1
    assert (Participation.objects.count(), Team.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_want_one_name_at_once_one_gets_it() -> None:
    contest = make_contest()
    users = [make_user(f"u{number}") for number in range(2)]
    results = at_once(
        [functools.partial(joining.join, user, contest, name="Same") for user in users],
        refusal=joining.NotAdmitted,
    )
    assert [result.code for result in results if isinstance(result, joining.NotAdmitted)] == ["name_taken"]
    assert Team.objects.filter(name="Same").count() == 1


def test_joining_again_does_not_undo_a_made_up_name() -> None:
    contest, user = make_contest(pseudonymous=True), make_user("jane")
    made_up = joining.join(user, contest).team.name
    assert joining.join(user, contest, name="Jane Doe").team.name == made_up
    assert Team.objects.get(contest=contest).name == made_up


def test_codes_are_not_tried_by_the_thousand(counting: None) -> None:
    contest, user = make_contest(registration="invite", invite_code="7"), make_user("guesser")
    for number in range(100, 100 + joining.MOST_CODES):
        assert refusal(user, contest, code=str(number)).code == "wrong_code"
    refused = refusal(user, contest, code="7")
    assert (refused.code, refused.status) == ("too_many_codes", 429)
    assert joining.join(make_user("invited"), contest, code="7").state == "active"


def test_nobody_accepts_rules_that_were_written_in_between() -> None:
    contest, user = make_contest(rules="Be fair."), make_user("reader")
    read = joining.rules_digest(contest)
    contest.rules = "Be fair, and give us your car."
    contest.save()
    refused = refusal(user, contest, accept_rules=True, rules_read=read)
    assert (refused.code, "changed" in refused.message) == ("rules", True)
    assert not Participation.objects.exists()
    place = joining.join(user, contest, accept_rules=True, rules_read=joining.rules_digest(contest))
    assert place.rules_digest == joining.rules_digest(contest)


@pytest.fixture
def counting(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that keeps; the ten minutes do not end meanwhile."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    monkeypatch.setattr(joining, "CODES_WINDOW_S", 10**6)
