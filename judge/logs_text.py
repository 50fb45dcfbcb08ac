"""A contestant's bytes as inert text: nothing in it acts on a browser or a terminal."""

from __future__ import annotations

import codecs
import re
import unicodedata

# CSI and OSC sequences, and what is left of them when a chunk boundary cut one.
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]?|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.?")
_KEPT_CONTROLS = frozenset("\n\t\r")  # progress bars live on the carriage return; the page draws them


def inert(raw: bytes) -> str:
    text = _ESCAPES.sub("", raw.decode("utf-8", "replace").replace("\r\n", "\n"))
    # Cc are controls, Cf holds the direction overrides that can make text read as something else.
    return "".join(c for c in text if c in _KEPT_CONTROLS or unicodedata.category(c) not in {"Cc", "Cf"})


def whole(data: bytes) -> bytes:
    """`data` without a character at its end whose last bytes are still to come."""
    # Tried from the end: the decoder itself knows which bytes only begin a character.
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoder.decode(data)
    pending, _ = decoder.getstate()
    return data[: len(data) - len(pending)]
