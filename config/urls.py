"""Which room answers which address."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from config.health import healthz
from contests import api as contests_api
from judge import api as judge_api
from leaderboard import api as leaderboard_api

api_v1 = [
    path("contests/", contests_api.ContestList.as_view(), name="contests"),
    path("contests/<slug:slug>/", contests_api.ContestDetail.as_view(), name="contest"),
    path("contests/<slug:slug>/data/<str:name>", contests_api.ContestData.as_view(), name="data"),
    path("contests/<slug:slug>/leaderboard/", leaderboard_api.Leaderboard.as_view(), name="leaderboard"),
    path("contests/<slug:slug>/submissions/", judge_api.ContestSubmissions.as_view(), name="submit"),
    path("submissions/<uuid:submission_id>/", judge_api.SubmissionDetail.as_view(), name="submission"),
    path("submissions/<uuid:submission_id>/log/", judge_api.SubmissionLog.as_view(), name="log"),
    path("submissions/<uuid:submission_id>/cancel/", judge_api.SubmissionCancel.as_view(), name="cancel"),
]

urlpatterns = [
    path("", include("contests.urls")),
    path("", include("leaderboard.urls")),
    path("", include("judge.urls")),
    path("accounts/", include("allauth.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/v1/", include((api_v1, "api"))),
    path("runner/v1/", include("judge.runner_urls")),
    path("admin/", admin.site.urls),
    path("healthz", healthz),
]

handler400 = "config.errors.bad_request"
handler403 = "config.errors.forbidden"
handler404 = "config.errors.not_found"
handler500 = "config.errors.server_error"
