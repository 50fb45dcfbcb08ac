from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings

from tests.security.site_of_roles import Site


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Settings) -> None:
    """Hashed names need `collectstatic`; these tests look at answers, not at file names."""
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }


@pytest.fixture
def site(db: None, settings: Settings) -> Site:
    """Everybody, with nobody counted: these tests ask more in a minute than a person does."""
    settings.API_RATES = dict.fromkeys(settings.API_RATES, 0)
    return Site()
