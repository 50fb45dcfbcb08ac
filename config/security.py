"""What every answer of the site tells a browser: what its pages may load and do, and who may keep a copy.

The middleware is the outermost one, so that redirects, errors and static files carry the same headers. A view that
needs something else (a download, a stranger's notebook) sets the header itself, and it is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "object-src 'none'; worker-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)
# One script of ours (static/js/parsed.js) makes HTML out of text, of pages of this site; the browser may forbid it to
# all others. Django's admin and Swagger UI do so in many places.
STRICT = f"{POLICY}; require-trusted-types-for 'script'; trusted-types podium"
MAKES_HTML = ("/admin/", "/api/docs/")

# Nothing here asks for a device, a payment or an advertiser's features; the copy button writes to the clipboard.
PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer", "autoplay", "browsing-topics", "camera", "display-capture", "encrypted-media", "fullscreen",
        "geolocation", "gyroscope", "hid", "identity-credentials-get", "idle-detection", "local-fonts", "magnetometer",
        "microphone", "midi", "payment", "picture-in-picture", "publickey-credentials-get", "screen-wake-lock",
        "serial", "usb", "xr-spatial-tracking",
    )
)  # fmt: skip

# Every page knows who reads it, or holds a token of theirs: a cache on the way keeps none, a browser asks again.
PRIVATE = "private, no-cache"


class SecurityHeadersMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        policy = POLICY if request.path.startswith(MAKES_HTML) else STRICT
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Cache-Control", PRIVATE)
        if request.path.startswith("/api/"):
            patch_vary_headers(response, ("Authorization", "Cookie"))
        return response
