from __future__ import annotations

from django.urls import path

from judge import notebook_pages, pages, usage_pages

app_name = "judge"

urlpatterns = [
    path("contests/<slug:slug>/submit/", pages.submit, name="submit"),
    path("contests/<slug:slug>/submissions/", pages.contest_submissions, name="contest_submissions"),
    path("contests/<slug:slug>/usage/", usage_pages.of_contest, name="contest_usage"),
    path("submissions/", pages.submissions, name="submissions"),
    path("submissions/<uuid:submission_id>/", pages.submission, name="submission"),
    path("submissions/<uuid:submission_id>/log/", pages.log, name="log"),
    path("submissions/<uuid:submission_id>/usage/", usage_pages.curve, name="usage"),
    path("submissions/<uuid:submission_id>/notebook/", notebook_pages.executed, name="notebook"),
    path("submissions/<uuid:submission_id>/cancel/", pages.cancel, name="cancel"),
    path("submissions/<uuid:submission_id>/source/", pages.source, name="source"),
    path("submissions/<uuid:submission_id>/files/<str:name>", pages.file, name="file"),
]
