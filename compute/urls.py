from __future__ import annotations

from django.urls import path

from compute import pages

app_name = "compute"
urlpatterns = [
    path("", pages.runners, name="runners"),
    path("simple/", pages.index, name="index"),
    path("simple/podium-runner/", pages.project, name="project"),
    path("<str:filename>", pages.wheel, name="wheel"),
]
