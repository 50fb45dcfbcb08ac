from __future__ import annotations

from django.urls import path, re_path
from django.views.generic import RedirectView

from contests import join_pages, views

app_name = "contests"

urlpatterns = [
    path("", views.home, name="home"),
    path("contests/", RedirectView.as_view(pattern_name="contests:home")),
    path("contests/<slug:slug>/", views.contest, name="contest"),
    re_path(
        rf"^contests/(?P<slug>[-a-zA-Z0-9_]+)/(?P<section>{'|'.join(views.SECTIONS)})/$",
        views.contest,
        name="section",
    ),
    path("contests/<slug:slug>/join/", join_pages.join, name="join"),
    path("contests/<slug:slug>/name/", join_pages.rename, name="rename"),
    path("contests/<slug:slug>/data.zip", views.all_data, name="all_data"),
    path("contests/<slug:slug>/data/<str:file>", views.data, name="data"),
    path("contests/<slug:slug>/starter/<str:name>", views.starter, name="starter"),
]
