"""The site as one ASGI application: the live hub first, the byte guard next, Django last."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")  # noqa: TID251

from typing import cast

from django.conf import settings
from django.core.asgi import get_asgi_application

from config.byte_guard import ByteGuard
from live.asgi import Live, LiveSettings
from live.protocol import Application

FORM_SLACK = 1 << 20  # multipart boundaries and the other fields
RUNNER_OUTPUT_LIMIT = 1 << 30  # each job's own, smaller limit is checked while its bytes are written
JSON_LIMIT = 2 << 20


def limit_for(path: str) -> int:
    """The most bytes a request body may have."""
    if path.startswith("/runner/v1/"):
        return RUNNER_OUTPUT_LIMIT if "/files/" in path else JSON_LIMIT
    return (settings.PODIUM_MAX_UPLOAD_MB << 20) + FORM_SLACK


application = Live(
    ByteGuard(cast("Application", get_asgi_application()), limit_for),
    LiveSettings(
        redis_url=settings.REDIS_URL, secret=settings.SECRET_KEY, proxies=int(settings.PODIUM_BEHIND_PROXY)
    ),
)
