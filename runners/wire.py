"""Reading JSON that another machine wrote: every value is checked for its type and its range before it is used.

Theory of operation. Python's reader takes more than JSON: NaN, Infinity, numbers that overflow to infinity, half
of a surrogate pair, and nesting until its stack is full; PostgreSQL refuses NUL in text and all of these in JSON.
`read_object` refuses each of them once, for the whole body; `whole`, `number`, `text` and `listed` then read one
field and say in a sentence what is wrong with it. Standard library only: site, agent and shim import this.
"""

from __future__ import annotations

import json
import math
from typing import Any

MAX_DEPTH = 20
MAX_WHOLE = 2**53  # what every JSON reader keeps exactly; also the largest size in bytes
MAX_SECONDS = 1e9


class Malformed(ValueError):
    """The words do not have the form of the protocol; the message is a sentence."""


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`, free of what a database or another JSON reader cannot keep. Raises Malformed."""
    try:
        raw = json.loads(body)
    except RecursionError as error:
        raise Malformed("The body is nested too deeply.") from error
    except (ValueError, OverflowError) as error:  # UnicodeDecodeError is a ValueError
        raise Malformed("The body must be JSON.") from error
    if not isinstance(raw, dict):
        raise Malformed("The body must be a JSON object.")
    _check_all(raw)
    return raw


def whole(
    raw: dict[str, Any], name: str, *, most: int = MAX_WHOLE, least: int = 0, default: int | None = None
) -> int:
    """An integer of [least, most]; `default`, where one is given, when the field is missing."""
    value = raw.get(name, default)
    if type(value) is not int or not least <= value <= most:  # bool is an int to isinstance
        raise Malformed(f"{name} must be a whole number from {least} to {most}.")
    return value


def number(raw: dict[str, Any], name: str, *, most: float, default: float | None = None) -> float:
    """A finite number of [0, most]; `default`, where one is given, when the field is missing."""
    value: Any = raw.get(name, default)
    known = isinstance(value, int | float) and not isinstance(value, bool)
    if not known or not 0 <= value <= most:  # NaN fails every comparison
        raise Malformed(f"{name} must be a number from 0 to {most:g}.")
    return float(value)


def flag(raw: dict[str, Any], name: str) -> bool:
    """True or false; false when the field is missing."""
    value = raw.get(name, False)
    if not isinstance(value, bool):
        raise Malformed(f"{name} must be true or false.")
    return value


def text(raw: dict[str, Any], name: str, *, most: int, default: str | None = None) -> str:
    """A string of at most `most` characters."""
    value = raw.get(name, default)
    if not isinstance(value, str) or len(value) > most:
        raise Malformed(f"{name} must be a text of at most {most} characters.")
    return value


def listed(raw: dict[str, Any], name: str, *, most: int) -> list[Any]:
    """A list of at most `most` entries; empty when the field is missing."""
    value = raw.get(name, [])
    if not isinstance(value, list | tuple) or len(value) > most:
        raise Malformed(f"{name} must be a list of at most {most} entries.")
    return list(value)


def mapping(raw: dict[str, Any], name: str, *, most: int) -> dict[str, Any]:
    """An object of at most `most` entries; empty when the field is missing."""
    value = raw.get(name, {})
    if not isinstance(value, dict) or len(value) > most:
        raise Malformed(f"{name} must be an object of at most {most} entries.")
    return value


def only(raw: object, what: str, *, needed: set[str], allowed: set[str]) -> dict[str, Any]:
    """`raw` itself, when it is an object with all `needed` and no other than the `allowed` fields."""
    if not isinstance(raw, dict):
        raise Malformed(f"{what} must be an object.")
    if missing := needed - raw.keys():
        raise Malformed(f"{what} lacks {', '.join(sorted(missing))}.")
    if unknown := raw.keys() - allowed:
        raise Malformed(f"{what} has unknown fields: {', '.join(sorted(map(repr, unknown)))[:200]}.")
    return raw


def plain(words: str) -> str:
    """Text that `read_object` accepts, for words of unknown origin: NUL and lone surrogates become "?"."""
    return words.replace("\0", "?").encode("utf-8", "replace").decode("utf-8")


def _check_all(raw: dict[str, Any]) -> None:
    level: list[Any] = [raw]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below += value.keys()
                below += value.values()
            elif isinstance(value, list):
                below += value
            else:
                _check_one(value)
        if not below:
            return
        level = below
    raise Malformed(f"The body is nested more than {MAX_DEPTH} levels deep.")


def _check_one(value: object) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise Malformed("The body holds a NUL character.")
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise Malformed("The body holds half of a surrogate pair.") from error
    elif (type(value) is float and not math.isfinite(value)) or (
        type(value) is int and abs(value) > MAX_WHOLE
    ):
        raise Malformed("The body holds a number that is too large or none at all.")
