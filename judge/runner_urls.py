from __future__ import annotations

from django.urls import path

from judge import runner_api

app_name = "runner"
urlpatterns = [
    path("pool", runner_api.pool),
    path("claim", runner_api.claim),
    path("bell", runner_api.bell_address),
    path("jobs/<uuid:job_id>/heartbeat", runner_api.heartbeat),
    path("jobs/<uuid:job_id>/blobs/<str:sha256>", runner_api.blob),
    path("jobs/<uuid:job_id>/files/<str:sha256>", runner_api.upload),
    path("jobs/<uuid:job_id>/finish", runner_api.finish),
    path("jobs/<uuid:job_id>/give-back", runner_api.give_back),
]
