"""What every page is told of the site's operation."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from operations import notices


def notice(request: HttpRequest) -> dict[str, Any]:
    return {"shown_notice": notices.current}
