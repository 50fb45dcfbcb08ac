from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings

from accounts.models import User
from contests.models import Contest
from tests.builders import make_contest, make_user


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Settings) -> None:
    """Hashed names need `collectstatic`; these tests look at pages, not at file names."""
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }


@pytest.fixture
def contest(db: None) -> Contest:
    return make_contest(
        environments=["python", "torch"],
        title="Handwritten digits",
        title_zh="手写数字",
        description="# Read *me*",
        starters={"baseline.py": b"print('start here')\n"},
    )


@pytest.fixture
def alice(db: None) -> User:
    return make_user("alice")


@pytest.fixture
def bob(db: None) -> User:
    return make_user("bob")


@pytest.fixture
def staff(db: None) -> User:
    return make_user("root", staff=True)
