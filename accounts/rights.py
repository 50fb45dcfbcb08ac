"""What an account itself is given: `is_superuser` and `is_staff` are read here and nowhere else.

What a person may do with one contest or submission is decided in contests.access.
"""

from __future__ import annotations

from accounts.models import User


def known(user: object) -> User | None:
    """The person, or None of a visitor and of an account that was closed."""
    return user if isinstance(user, User) and user.is_active else None


def runs_site(user: object) -> bool:
    """Superusers see and change everything."""
    person = known(user)
    return person is not None and person.is_superuser


def may_open_contests(user: object) -> bool:
    """Staff may open contests of their own; other people's stay other people's."""
    person = known(user)
    return person is not None and (person.is_staff or person.is_superuser)
