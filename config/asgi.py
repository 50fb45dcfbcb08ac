"""The site as one ASGI application: the live hub first, the byte guard next, Django last."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")  # noqa: TID251

import gc
import re
import tempfile
from typing import cast

import django
from django.conf import settings
from django.urls import get_resolver

from config import live_topics
from config.byte_guard import ByteGuard
from config.requests import Handler
from live.asgi import Live
from live.protocol import Application

django.setup(set_prefix=False)
# Django spools the body of a request to where Python puts temporary files, and knows no setting for it. That may be
# a file system in memory.
tempfile.tempdir = str(settings.FILE_UPLOAD_TEMP_DIR)

FORM_SLACK = 1 << 20  # multipart boundaries and the other fields
SMALL = 2 << 20  # JSON of runners, forms without a file
SUBMISSION = re.compile(r"/api/v1/contests/[^/]+/(submissions|tasks/[0-9]+/trial)/|/contests/[^/]+/submit/")
ADMIN_FILES = re.compile(
    r"/admin/contests/(task|startercode|submission/try)/.+"
    r"|/api/v1/contests/[^/]+/(starter/[^/]+|tasks/([0-9]+/(solution|files/[^/]+))?)"
)
RUNNER_FILE = re.compile(r"/runner/v1/jobs/[^/]+/files/[^/]+")


def limit_for(path: str) -> tuple[int, int]:
    """The most bytes a request body may have, and that in megabytes: large ones only where a file is awaited."""
    if SUBMISSION.fullmatch(path):
        return (settings.PODIUM_MAX_UPLOAD_MB << 20) + FORM_SLACK, settings.PODIUM_MAX_UPLOAD_MB
    if ADMIN_FILES.fullmatch(path):  # an organiser's data, several files at once
        return (settings.PODIUM_MAX_DATA_MB << 20) + FORM_SLACK, settings.PODIUM_MAX_DATA_MB
    if RUNNER_FILE.fullmatch(path):
        # Each job's own, smaller limit is checked while it is written.
        return settings.PODIUM_MAX_OUTPUT_MB << 20, settings.PODIUM_MAX_OUTPUT_MB
    return SMALL, SMALL >> 20


application = Live(ByteGuard(cast("Application", Handler()), limit_for), live_topics.hub_settings())

# What is here now stays for good. Searched for garbage with the rest, it would stop a request for a tenth of a second
# every now and then.
_ = get_resolver().url_patterns
gc.collect()
gc.freeze()
