"""Every kind of live topic there is: what is not here cannot be heard, whatever is published.

tests/security/access_matrix.txt says of each who hears it.
"""

from __future__ import annotations

from django.conf import settings

from live.asgi import LiveSettings

PUBLIC = ("board.",)  # of boards that everybody sees: leaderboard.publisher says nothing of others
PRIVATE = ("submission.", "pool.")


def hub_settings() -> LiveSettings:
    return LiveSettings(
        redis_url=settings.REDIS_URL,
        secret=settings.SECRET_KEY,
        public_prefixes=PUBLIC,
        private_prefixes=PRIVATE,
        proxies=int(settings.PODIUM_BEHIND_PROXY),
    )
