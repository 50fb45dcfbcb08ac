from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from accounts.models import User


@admin.register(User)
class PodiumUserAdmin(UserAdmin):
    list_display = ("username", "display_name", "email", "is_staff", "date_joined")
