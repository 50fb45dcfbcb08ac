"""Where blobs lie: in PODIUM_VAR, or in the S3-compatible store that PODIUM_S3_URL names."""

from __future__ import annotations

from urllib.parse import urlsplit

from config import env

S3 = tuple[str, str, str, str, str]
LEAST_BUCKET = 3


def s3() -> S3 | None:
    """(endpoint, bucket, access key, secret key, region), or None for the folder of this machine."""
    url = env.text("PODIUM_S3_URL", "").rstrip("/")
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.username:
        raise env.BadSetting(
            f"PODIUM_S3_URL={url!r}: expected the store's address alone, such as https://s3.example.org"
        )
    bucket = env.text("PODIUM_S3_BUCKET", "podium")
    if len(bucket) < LEAST_BUCKET:
        raise env.BadSetting(f"PODIUM_S3_BUCKET={bucket!r}: expected the name of a bucket")
    keys = [_needed("PODIUM_S3_ACCESS_KEY"), _needed("PODIUM_S3_SECRET_KEY")]
    return url, bucket, keys[0], keys[1], env.text("PODIUM_S3_REGION", "us-east-1")


def _needed(name: str) -> str:
    found = env.private(name)
    if found is None:
        raise env.BadSetting(f"{name} (or {name}_FILE) is not set, and PODIUM_S3_URL needs it")
    return found
