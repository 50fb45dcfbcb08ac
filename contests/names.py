"""The names that stand on boards, as pure functions: made harmless, told apart, made up."""

from __future__ import annotations

import random
import re
import unicodedata
from pathlib import Path

MAX_NAME = 60
MAX_MARKS = 3  # of accents above each other: more climb into the rows around
# Shown as nothing, though Unicode calls them letters or symbols.
_BLANK = str.maketrans("", "", "\u115f\u1160\u2800\u3164\uffa0")
# Letters of other scripts that look like Latin ones. Only for telling names apart; the name itself is kept.
_LOOK_ALIKES = str.maketrans(
    "аеорсухіјѕԁһӏкмтвԛԝαοριτυνκχωё",
    "aeopcyxijsdhlkmtbqwaopituvkxwe",
)
_WORDS = Path(__file__).with_name("pseudonyms.txt")
_NUMBERS = range(10, 1000)


def clean(raw: str) -> str:
    """A name without control, direction and invisible characters, its spaces single, of bounded length; "" if empty."""
    visible = "".join(c for c in unicodedata.normalize("NFC", raw) if _shown(c)).translate(_BLANK)
    single = re.sub(r"\s+", " ", visible)
    return _few_marks(single).strip()[:MAX_NAME].strip()


def _shown(character: str) -> bool:
    return character.isspace() or unicodedata.category(character)[0] != "C"


def _few_marks(name: str) -> str:
    kept, run = [], 0
    for character in name:
        run = run + 1 if unicodedata.category(character)[0] == "M" else 0
        if run <= MAX_MARKS:
            kept.append(character)
    return "".join(kept)


def key(name: str) -> str:
    """Names with one key count as the same: case, width, spaces and look-alike letters make no difference."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", clean(name)).casefold())
    return re.sub(r"\s+", "", folded.translate(_LOOK_ALIKES))[: 4 * MAX_NAME]


def numbered(name: str, number: int) -> str:
    """The name with a number behind it, within the length."""
    ending = f" {number}"
    return name[: MAX_NAME - len(ending)].rstrip() + ending


def made_up(chance: random.Random) -> str:
    """A pseudonym such as “Quiet Heron 27”."""
    adjectives, animals = (line.split() for line in _WORDS.read_text("utf-8").splitlines())
    return f"{chance.choice(adjectives)} {chance.choice(animals)} {chance.choice(_NUMBERS)}"


def is_made_up(name: str) -> bool:
    words = name.split(" ")
    adjectives, animals = (set(line.split()) for line in _WORDS.read_text("utf-8").splitlines())
    return len(words) == 3 and words[0] in adjectives and words[1] in animals and words[2].isdigit()  # noqa: PLR2004
