"""The API's description, and a page that reads it aloud: our own files only, nothing inline."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import View
from drf_spectacular.views import SpectacularAPIView


class SchemaView(SpectacularAPIView):
    """OpenAPI 3, as YAML, or JSON with `?format=json`."""

    throttle_classes = ()


class DocsView(View):
    """Swagger UI (vendored by drf-spectacular-sidecar), started by static/js/api-docs.js."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return render(request, "api/docs.html")
