"""Who may reach which contest and which submission: decided here, once, for pages, the API and the administration.

A decision is a condition on rows where lists need it (`reads_contests`, `reads_submissions`, `organises_at`) and a
yes or no about one row where that is asked. What a person may not read does not exist for them: every caller
answers 404 as if it were not there. Beside this stand only: accounts.rights (what an account itself is given),
contests.joining.may_see_data (who takes part), compute.pools.operated_by (who holds and drains a pool), and for
machines the pool and job tokens of compute.pools.pool_of and judge.lease.held. tests/security/test_access_matrix.py
asks every address of the site by these rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q

from accounts import rights

if TYPE_CHECKING:
    from contests.models import Contest, Submission

NOTHING = Q(pk__in=())
EVERYTHING = ~NOTHING


def organises_at(user: object, way: str = "pk") -> Q:
    """Rows of the contests that the person organises; `way` leads from the row to its contest."""
    if rights.runs_site(user):
        return EVERYTHING
    person = rights.known(user)
    return NOTHING if person is None else Q(**{f"{way}__in": person.contests.values("pk")})


def reads_contests(user: object) -> Q:
    """Published contests are everybody's to read, a hidden one its organisers'."""
    return Q(published=True) | organises_at(user)


def reads_submissions(user: object) -> Q:
    """One's own, and those of contests that one organises."""
    person = rights.known(user)
    return NOTHING if person is None else Q(user=person) | organises_at(person, "contest")


def organises(user: object, contest: Contest) -> bool:
    if rights.runs_site(user):
        return True
    person = rights.known(user)
    return person is not None and contest.organisers.filter(pk=person.pk).exists()


def reads_before_the_start(user: object, contest: Contest) -> bool:
    """Tasks and data of a phase that has not started are its organisers'."""
    return organises(user, contest)


def reads_private_score(submission: Submission, *, organised: bool) -> bool:
    """`organised`: whether the reader organises its contest, which a list asks in its one query."""
    return organised or submission.phase.private_revealed


def enters_administration(user: object) -> bool:
    person = rights.known(user)
    if person is None:
        return False
    return rights.may_open_contests(person) or person.contests.exists() or person.pools.exists()
