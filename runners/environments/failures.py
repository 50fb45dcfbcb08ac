"""Why an environment could not be built, in one line that says what to do."""

from __future__ import annotations

import re


class BuildError(Exception):
    """The build failed; the text is one line for the operator. `exit_code` is the command's."""

    exit_code = 1


class PackagesUnreachableError(BuildError):
    """The package index does not answer: trying again later may help."""

    exit_code = 3


class DiskTooSmallError(BuildError):
    """Too little free space: an operator must act."""

    exit_code = 4


class DaemonAwayError(BuildError):
    """The Docker daemon does not answer: trying again later may help."""

    exit_code = 3


# uv's words for "nobody answers there", for a proxy that answers instead, and for being told to stay offline.
_UNREACHABLE = re.compile(
    r"error sending request|failed to fetch|dns error|connection (?:refused|reset|closed)|timed out|timeout"
    r"|network (?:connectivity|unreachable)|client error \(connect\)|invalid peer certificate|tunnel",
    re.IGNORECASE,
)
_DISK_FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)


def explain(subject: str, output: str) -> BuildError:
    """The error that uv's (plain text) output amounts to; `subject` as in "environment 'torch'"."""
    if _DISK_FULL.search(output):
        return DiskTooSmallError(
            f"The disk became full while installing {subject}: free some space and run it again."
        )
    if _UNREACHABLE.search(output):
        return PackagesUnreachableError(
            f"The packages of {subject} cannot be fetched, the package index does not answer: check "
            "the network, or set UV_DEFAULT_INDEX to a mirror that this machine reaches, and run it again."
        )
    return BuildError(f"{subject[:1].upper()}{subject[1:]} could not be installed: {_last_words(output)}")


def explain_daemon(subject: str, error: Exception) -> BuildError:
    """The error that a Docker daemon's words amount to; `subject` as in "the image of environment 'torch'"."""
    text = str(error)
    if _DISK_FULL.search(text):
        return DiskTooSmallError(
            f"The disk of the Docker daemon became full while building {subject}: free some space."
        )
    kind = DaemonAwayError if "does not answer" in text else BuildError
    return kind(f"{subject[:1].upper()}{subject[1:]} could not be built: {text.strip()[:500]}")


def _last_words(output: str) -> str:
    """What uv said as one line: from the last `error:` or `×` on, without the tree it draws."""
    lines = [line.strip(" │╰─▶├╭·\t") for line in output.splitlines()]
    lines = [line for line in lines if line]
    starts = [i for i, line in enumerate(lines) if line.lower().startswith("error") or line.startswith("×")]
    words = " ".join(lines[starts[-1] :] if starts else lines[-3:]).strip("× ")
    return words[:500] or "uv ended without a word"
