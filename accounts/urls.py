from __future__ import annotations

from django.urls import path

from accounts import pages

app_name = "accounts"
urlpatterns = [
    path("setup/", pages.setup, name="setup"),
    path("accounts/profile/", pages.profile, name="profile"),
    path("accounts/tokens/", pages.new_token, name="tokens"),
    path("accounts/tokens/<int:token_id>/revoke/", pages.revoke_token, name="revoke"),
    # allauth's own pages come after these two, which know whether the site sends mail.
    path("accounts/password/reset/", pages.password_reset, name="password_reset"),
    path("accounts/email/", pages.email, name="email"),
]
