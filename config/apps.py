from __future__ import annotations

from django.contrib.admin.apps import AdminConfig


class PodiumAdminConfig(AdminConfig):
    default_site = "config.admin_site.PodiumAdminSite"
