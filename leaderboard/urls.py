from __future__ import annotations

from django.urls import path

from leaderboard import views

app_name = "leaderboard"

urlpatterns = [
    path("contests/<slug:slug>/leaderboard/", views.board, name="board"),
    path("contests/<slug:slug>/leaderboard/own/", views.own, name="own"),
]
