"""Which room answers which address."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from config import api_docs
from config.health import healthz, readyz
from config.prometheus import metrics
from operations.pages import status

urlpatterns = [
    path("", include("contests.urls")),
    path("", include("leaderboard.urls")),
    path("", include("judge.urls")),
    path("", include("accounts.urls")),
    path("accounts/", include("allauth.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("config.api_urls")),
    path("api/schema/", api_docs.schema, name="api-schema"),
    path("api/docs/", api_docs.docs, name="api-docs"),
    path("runner/v1/", include("judge.runner_urls")),
    path("runners/", include("compute.urls")),
    path("admin/", admin.site.urls),
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", metrics),
    path("status/", status, name="status"),
]

handler400 = "config.errors.bad_request"
handler403 = "config.errors.forbidden"
handler404 = "config.errors.not_found"
handler429 = "rest.throttles.too_many"  # asked for by allauth alone
handler500 = "config.errors.server_error"
