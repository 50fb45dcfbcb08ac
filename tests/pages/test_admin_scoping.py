"""Who organises one contest gets nothing of another: every address of the admin, taken from its own URLconf."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, URLResolver, reverse

from accounts.models import User
from contests.models import Check, Contest, Participation
from operations.models import Notice
from tests.builders import (
    make_blob,
    make_contest,
    make_host,
    make_organiser,
    make_pool,
    make_starter,
    make_submission,
    make_user,
    phase_of,
    task_version_of,
)
from tests.pages.admin_forms import fill_in
from tests.pages.reading import queries, read, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.once]

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
OPEN_TO_ORGANISERS = {
    "contests.Check",
    "contests.Contest",
    "contests.Participation",
    "contests.StarterCode",
    "contests.Submission",
    "contests.Task",
    "contests.Team",
}
SECRET = "bletchley"  # stands in every word of the other organiser's contest


@pytest.fixture
def theirs(db: None) -> Contest:
    """Somebody else's contest, hidden, with a row of everything."""
    contest = make_contest(f"{SECRET}-cup", title=f"{SECRET} cup", published=False)
    contest.organisers.add(make_user("grace", email=f"grace@{SECRET}.example"))
    make_starter(contest, f"{SECRET}.py")
    contestant = make_user(f"{SECRET}-carol")
    make_submission(
        contest, contestant, status="FINISHED", filename=f"{SECRET}_train.py", files={"submission.csv": b"x"}
    )
    Check.objects.create(task_version=task_version_of(contest), status="GREEN", digest="0")
    make_host(make_pool("cpu"))
    Notice.objects.create(message="maintenance", current=False)
    return contest


@pytest.fixture
def ada(theirs: Contest) -> User:
    """An organiser with a contest of her own."""
    user = make_organiser("ada")
    own = make_contest("lovelace", title="Lovelace cup")
    own.organisers.add(user)
    make_submission(own, make_user("own-contestant"), status="FINISHED")
    return user


def rows_of(model: type[Model], contest: Contest) -> list[Model]:
    """The model's rows that belong to this contest; all rows where it belongs to none."""
    registered = admin.site._registry[model]
    way = getattr(registered, "to_contest", None)
    rows = model._default_manager.all()
    return list(rows.filter(**{way: contest.pk}) if way else rows)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: str(model._meta.label))
def test_nothing_of_another_organisers_contest_is_shown_or_changed(
    model: type[Model], theirs: Contest, ada: User
) -> None:
    client = Client()
    client.force_login(ada)
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    listed = client.get(reverse(f"{name}_changelist"))
    assert listed.status_code == (200 if model._meta.label in OPEN_TO_ORGANISERS else 403)
    assert SECRET not in listed.content.decode()
    added = client.get(reverse(f"{name}_add"))
    assert SECRET not in added.content.decode()
    found = client.get(reverse(f"{name}_changelist"), {"q": SECRET[1:-1]})  # what was searched for is echoed
    assert SECRET not in found.content.decode()
    rows = rows_of(model, theirs)
    assert rows or model._meta.label == "account.EmailAddress", "the other contest has such a row"
    for row in rows:
        for page in ("change", "delete", "history"):
            address = reverse(f"{name}_{page}", args=[row.pk])
            assert client.get(address).status_code in {403, 404}, address
            assert client.post(address, {"post": "yes"}).status_code in {403, 404}, address
        assert model._default_manager.filter(pk=row.pk).exists()


def own_addresses(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    """Every address of the URLconf that takes a number, with a `{}` for each."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from own_addresses(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and "<int:" in route:
            yield re.sub(r"<int:\w+>", "{}", route)


def test_our_own_pages_answer_404_for_anothers_rows(theirs: Contest, ada: User) -> None:
    client = Client()
    client.force_login(ada)
    version = task_version_of(theirs)
    hidden = version.hidden_files.create(name="hidden.csv", blob=make_blob(b"id,x\n1,2\n"))
    keys = {
        "contests/contest/": [theirs.pk],
        "contests/task/{}/hidden/": [version.task_id, hidden.pk],
        "contests/task/{}/files/": [version.task_id, version.files.all()[0].pk],
        "contests/task/": [version.task_id],
        "contests/check/start/": [version.task_id],
        "contests/submission/rejudge/": [phase_of(theirs).pk],
        "contests/submission/try/": [version.task_id],
        "contests/submission/queue/": [theirs.pk],
        "compute/pooltoken/": [1],
    }
    addresses = [a for a in own_addresses(admin.site.get_urls()) if not a.startswith("r/")]
    assert len(addresses) >= 8
    for address in addresses:
        if address.startswith(
            "compute/pool/"
        ):  # the whole site's: they are nobody's who organises one contest
            assert client.post("/admin/" + address.format(1)).status_code == 403, address
            continue
        numbers = next(value for start, value in keys.items() if address.startswith(start))
        path = "/admin/" + address.format(*numbers)
        assert client.get(path).status_code in {404, 405}, path
        assert client.post(path).status_code == 404, path
    theirs.refresh_from_db()
    assert not theirs.published


@pytest.mark.parametrize("model", MODELS, ids=lambda model: str(model._meta.label))
def test_a_contestant_finds_the_admin_closed_and_a_visitor_the_login(model: type[Model], ada: User) -> None:
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    assert signed_in(None).get(address)["Location"].startswith("/admin/login/")
    assert signed_in(None).get("/admin/login/", {"next": address})["Location"].startswith("/accounts/login/")
    contestant = signed_in(User.objects.get(username="own-contestant"))
    assert contestant.get(address, follow=True).status_code == 403


def test_an_organiser_who_is_not_staff_enters_and_opens_no_contest(theirs: Contest) -> None:
    client = signed_in(User.objects.get(username="grace"))
    assert SECRET in read(client, "/admin/contests/contest/").text
    assert client.get("/admin/contests/contest/add/").status_code == 403
    assert client.get("/admin/accounts/user/").status_code == 403


def test_a_forged_choice_of_anothers_phase_is_refused(theirs: Contest, ada: User) -> None:
    client = signed_in(ada)
    page = fill_in(client, "/admin/contests/task/add/", phase=str(phase_of(theirs).pk))
    assert page.status == 400
    assert phase_of(theirs).tasks.count() == 1
    page = fill_in(client, "/admin/contests/startercode/add/", contest=str(theirs.pk), title="x")
    assert "Select a valid choice" in page.text
    assert theirs.starters.count() == 1


def test_actions_touch_only_ones_own_rows(theirs: Contest, ada: User) -> None:
    client = Client()
    client.force_login(ada)
    theirs.participations.update(state="pending")
    chosen = [str(pk) for pk in theirs.participations.values_list("pk", flat=True)]
    client.post(
        "/admin/contests/participation/", {"action": "approve", "_selected_action": chosen}, follow=True
    )
    assert set(theirs.participations.values_list("state", flat=True)) == {"pending"}
    submission = theirs.submissions.get()
    for action in ("rejudge", "cancel"):
        client.post(
            "/admin/contests/submission/", {"action": action, "_selected_action": [str(submission.pk)]}
        )
    assert submission.runs.count() == 1


def test_an_organiser_approves_and_refuses_whoever_waits(ada: User) -> None:
    client = Client()
    client.force_login(ada)
    place = Participation.objects.get(user__username="own-contestant")
    for action, state in (("refuse", "refused"), ("approve", "active")):
        client.post("/admin/contests/participation/", {"action": action, "_selected_action": [str(place.pk)]})
        place.refresh_from_db()
        assert place.state == state


def test_names_are_shown_to_organisers_beside_pseudonyms_and_addresses_are_not(ada: User) -> None:
    place = Participation.objects.get(user__username="own-contestant")
    place.team.name = "Quiet Otter"
    place.team.save()
    page = read(signed_in(ada), "/admin/contests/participation/")
    assert "own-contestant" in page.text
    assert "Quiet Otter" in page.text
    assert "@example.org" not in page.html


def test_nobody_raises_their_own_rights(ada: User) -> None:
    client = Client()
    client.force_login(ada)
    address = reverse("admin:accounts_user_change", args=[ada.pk])
    sent = {"username": "ada", "is_superuser": "on", "is_staff": "on", "is_active": "on"}
    assert client.post(address, sent).status_code == 403
    ada.refresh_from_db()
    assert not ada.is_superuser


def test_the_list_of_submissions_costs_the_same_for_many_rows(ada: User) -> None:
    contest = Contest.objects.get(slug="lovelace")
    client = signed_in(ada)
    few = queries(client, "/admin/contests/submission/")
    user = make_user("busy")
    for _ in range(60):
        make_submission(contest, user, status="FINISHED")
    assert queries(client, "/admin/contests/submission/") == few
