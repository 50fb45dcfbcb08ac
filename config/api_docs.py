"""The API's description, and a page that reads it aloud: our own files only, nothing inline."""

from __future__ import annotations

import functools

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer

RENDERERS = {"yaml": OpenApiYamlRenderer, "json": OpenApiJsonRenderer}


@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """OpenAPI 3, as YAML, or as JSON with `?format=json`."""
    kind = "json" if request.GET.get("format") == "json" else "yaml"
    written = _written(kind, get_language() or "en")
    return HttpResponse(written, content_type=str(RENDERERS[kind].media_type))


@functools.lru_cache(maxsize=2 * len(RENDERERS))
def _written(kind: str, language: str) -> bytes:
    """Made once a process: it takes a second, and everybody may ask for it."""
    made = SchemaGenerator(urlconf="config.api_urls").get_schema(  # type: ignore[no-untyped-call]
        request=None, public=True
    )
    written = RENDERERS[kind]().render(made, renderer_context={})
    return written if isinstance(written, bytes) else written.encode()


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Swagger UI (vendored by drf-spectacular-sidecar), started by static/js/api-docs.js."""
    return render(request, "api/docs.html")
