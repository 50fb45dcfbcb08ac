"""Random tokens planted where a contestant must not see, and the search for them in what a contestant can fetch.

Theory of operation. A token of one run of the corpus is 24 random letters and digits, so a find is no chance. Each is
looked for as it is and in the shapes that a program would use to carry it past a filter: in either case, backwards, as
hexadecimal digits, percent-encoded and in base64. Base64 of a text that holds the token depends on where in its groups
of three bytes the token begins; without the characters that its neighbours share, three shapes cover every place.
"""

from __future__ import annotations

import base64
import dataclasses
import secrets
from collections.abc import Mapping

ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
LENGTH = 24

# Where tokens are planted; what the table calls a find.
LABELS = "labels"
HIDDEN = "hidden features"
WORKER = "worker environment"
SITE = "site environment"
HOST = "host file"
OTHERS = "another's submission"
PLACES = (LABELS, HIDDEN, WORKER, SITE, HOST, OTHERS)


def drawn() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


@dataclasses.dataclass(frozen=True, slots=True)
class Canaries:
    """Tokens by place. `features` are values of hidden features, which are tokens too: numbers with many digits."""

    tokens: Mapping[str, str]
    features: tuple[str, ...] = ()

    @classmethod
    def plant(cls, features: tuple[str, ...] = ()) -> Canaries:
        return cls({place: drawn() for place in PLACES}, features)

    def watch(self) -> Watch:
        return Watch([*self.tokens.items(), *((HIDDEN, value) for value in self.features)])


class Watch:
    """The search for all tokens at once."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        # One search for each shape: many times as fast as one regular expression for all.
        self._shapes = [(shape, place) for place, token in tokens for shape in shapes(token)]
        self._base64 = [(shape, place) for place, token in tokens for shape in _base64(token.encode())]

    def seen(self, content: bytes) -> set[str]:
        """The places whose tokens these bytes hold."""
        folded = content.lower()
        found = {place for shape, place in self._shapes if shape in folded}
        return found | {place for shape, place in self._base64 if shape in content}


def shapes(token: str) -> set[bytes]:
    """The token as it is and in disguise, all in small letters."""
    raw = token.encode()
    turned = raw[::-1]
    percent = "".join(f"%{byte:02x}" for byte in raw).encode()
    return {raw, turned, raw.hex().encode(), turned.hex().encode(), percent}


def _base64(raw: bytes) -> set[bytes]:
    """The part of base64 text that is the same whatever stands before and after the token, for each of three places."""
    found = set()
    for before in range(3):
        text = base64.b64encode(b"\0" * before + raw)
        first = -(-before * 8 // 6)  # characters that hold a bit of what stands before
        last = (before + len(raw)) * 8 // 6  # and from here on of what stands behind
        found.add(text[first:last])
    return found
