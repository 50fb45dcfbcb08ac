"""`PODIUM_EMAIL_URL` as Django's mail settings. Without one the site sends no mail, and its pages say so."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from config.env import BadSetting

PATIENCE_S = 10  # a page waits so long for a mail server that does not answer
NO_MAIL = "none"  # as unset; for a file that must be there (compose.yaml)
_PORTS = {"smtp": 587, "smtps": 465}


def mail_settings(url: str | None, sender: str) -> dict[str, Any]:
    """smtp://user:password@host:587 (STARTTLS where there is a user) or smtps://…:465. Raises BadSetting."""
    if not url or url == NO_MAIL:
        return {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"}
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise BadSetting(
            "PODIUM_EMAIL_URL must be like smtp://user:password@mail.example.org:587 or smtps://…:465"
        )
    if not sender:
        raise BadSetting("PODIUM_EMAIL_FROM is needed beside PODIUM_EMAIL_URL: podium@example.org")
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port or _PORTS[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        # A password never travels in the clear; a relay on this machine that asks for none may know no TLS.
        "EMAIL_USE_TLS": parts.scheme == "smtp" and bool(parts.username),
        "EMAIL_TIMEOUT": PATIENCE_S,
        "DEFAULT_FROM_EMAIL": sender,
        "SERVER_EMAIL": sender,
    }
