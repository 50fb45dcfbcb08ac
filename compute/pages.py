"""The page that says how to attach a machine to this site, and the package index of one package below it.

Open to everybody: a wheel of this site's own published code holds no secret, and a runner host has no login. Like other
static files it is answered from memory without a query, so it has no limit of its own.
"""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.html import format_html
from django.views.decorators.http import require_safe

from compute import installing
from compute.wheel import PROJECT

SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"  # PEP 691
FOR_EVER = "public, max-age=31536000, immutable"  # a file's name holds the digest of what is in it
FOLDER = "/opt/podium-runner"


@require_safe
def runners(request: HttpRequest) -> HttpResponse:
    """For people; and, since the wheel is linked, a page for pip's --find-links."""
    context = {
        "site": installing.site_address(request),
        "wheel": installing.runner(),
        "wheel_path": installing.wheel_path(),
        "requirement": installing.requirement(request),
        "folder": FOLDER,
        "pip": f"{FOLDER}/bin/pip",
    }
    return render(request, "compute/runners.html", context)


@require_safe
def wheel(request: HttpRequest, filename: str) -> HttpResponse:
    runner = installing.runner()
    if filename != runner.filename:
        raise Http404  # that of another version
    answer = HttpResponse(runner.content, content_type="application/zip")
    answer["Cache-Control"] = FOR_EVER
    return answer


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The projects of this index (PEP 503, PEP 691): one."""
    links = format_html('<a href="{}/">{}</a>', PROJECT, PROJECT)
    return _simple(request, {"projects": [{"name": PROJECT}]}, links)


@require_safe
def project(request: HttpRequest) -> HttpResponse:
    """The files of the one project: the wheel of this site's version and no other."""
    runner = installing.runner()
    address, _, _hash = installing.wheel_path().partition("#")
    hashes, size = {"sha256": runner.sha256}, len(runner.content)
    file = {"filename": runner.filename, "url": address, "hashes": hashes, "size": size}
    known = {"name": PROJECT, "versions": [runner.version], "files": [file]}
    return _simple(
        request, known, format_html('<a href="{}">{}</a>', installing.wheel_path(), runner.filename)
    )


def _simple(request: HttpRequest, known: dict[str, Any], links: str) -> HttpResponse:
    answer: HttpResponse
    if SIMPLE_JSON in request.headers.get("Accept", ""):
        answer = JsonResponse({"meta": {"api-version": "1.1"}} | known, content_type=SIMPLE_JSON)
    else:
        answer = HttpResponse(format_html("<!doctype html><title>podium-runner</title>{}\n", links))
    patch_vary_headers(answer, ["Accept"])
    return answer
