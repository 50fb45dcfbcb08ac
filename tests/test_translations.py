"""Everything a person reads exists in English and in Chinese.

`make messages` collects new texts and compiles the catalogue; these tests say what is then still missing.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import polib
import pytest

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
SPOKEN_ROOMS = (
    "rest",
    "accounts",
    "compute",
    "contests",
    "leaderboard",
    "judge",
    "config",
    "operations",
    "metrics",
)
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))

# Names, units and each language's name in itself: the same in every language.
SAME_EVERYWHERE = {"Podium", "English", "简体中文", "UTC", "KB", "SHA", "F"}  # SHA-256, F1
READ_ATTRIBUTES = {"alt", "aria-label", "placeholder", "title", "value", "data-copied", "data-empty"}


def without_template_code(source: str) -> str:
    """A template's own literal text: translated blocks, tags, variables and comments taken out."""
    source = re.sub(r"{% comment %}.*?{% endcomment %}", "", source, flags=re.DOTALL)
    source = re.sub(r"{% blocktranslate.*?{% endblocktranslate %}", "", source, flags=re.DOTALL)
    return re.sub(r"{%.*?%}|{{.*?}}|{#.*?#}", "", source)


class _Words(HTMLParser):
    """Collects what is read: text outside code, and the attributes that are shown or spoken."""

    def __init__(self) -> None:
        super().__init__()
        self.silent: list[str] = []
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "style", "code", "pre"}:
            self.silent.append(tag)
        given = dict(attrs)
        spoken = {name for name in given if name in READ_ATTRIBUTES or name.startswith("data-text")}
        if (
            tag in {"button", "input"}
            and given.get("type", "submit") in {"submit", "hidden"}
            and "name" in given
        ):
            spoken.discard("value")  # what is sent, not what is shown
        self.found += [given[name] or "" for name in spoken]

    def handle_endtag(self, tag: str) -> None:
        if self.silent and self.silent[-1] == tag:
            self.silent.pop()

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.found.append(data)


def unmarked(template: str) -> list[str]:
    reader = _Words()
    reader.feed(without_template_code(template))
    words = [word for text in reader.found for word in re.findall(r"[^\W\d_]+", text)]
    return [word for word in words if word not in SAME_EVERYWHERE]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_every_word_of_a_template_is_marked_for_translation(path: Path) -> None:
    assert unmarked(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "forgotten",
    [
        "<p>Hello</p>",
        '<img alt="A chart">',
        '<p aria-label="Hello">{% translate "Hello" %}</p>',
        "{% if user %}Hello{% endif %}",
        '<table data-text-live="Live"></table>',
        "<p>你好</p>",
    ],
)
def test_a_forgotten_word_is_found(forgotten: str) -> None:
    assert unmarked(forgotten)


def test_marked_words_and_code_are_left_alone() -> None:
    assert not unmarked("<p>{% blocktranslate trimmed %}Hi {{ name }}{% endblocktranslate %} · {{ x }}</p>")
    assert not unmarked("<p>{% translate 'Hi' %} {# why #} <code>id,target</code> Podium</p>")


# --- Python ----------------------------------------------------------------------------------------------------

SPOKEN_CALLS = {"Rejected", "ValidationError", "NotFound", "PermissionDenied", "CannotPublish", "Explanation"}
CODE_FIRST = {"Rejected"}  # the first argument is for programs
CODE_SECOND = {"PermissionDenied", "NotFound"}
MESSAGE_LEVELS = {"error", "info", "success", "warning"}
SPOKEN_KEYWORDS = {
    "help_text",
    "label",
    "verbose_name",
    "verbose_name_plural",
    "short_description",
    "title_text",
}


def _is_bare(node: ast.expr) -> bool:
    """Whether an expression is text that no translation function was called on."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and any(character.isalpha() for character in node.value)
    if isinstance(node, ast.JoinedStr):
        return any(_is_bare(part) for part in node.values)
    if isinstance(node, ast.BinOp):
        return _is_bare(node.left)
    if isinstance(node, ast.List | ast.Tuple):
        return any(_is_bare(item) for item in node.elts)
    if isinstance(node, ast.Dict):
        return any(_is_bare(item) for item in node.values)
    return False


def _describes_the_api(path: Path) -> bool:
    """Whether a module's help texts are read in the API's description, which is in English."""
    return path.stem.startswith("api") or not {"api", "rest"}.isdisjoint(path.parts)


def _spoken_arguments(call: ast.Call, keywords: set[str]) -> Iterator[ast.expr]:
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    of_messages = isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "") == "messages"
    if name in SPOKEN_CALLS:
        yield from call.args[1 if name in CODE_FIRST else 0 : 1 if name in CODE_SECOND else None]
    elif of_messages and name in MESSAGE_LEVELS:
        yield from call.args[1:]
    yield from (keyword.value for keyword in call.keywords if keyword.arg in keywords)


def bare_texts(source: str, *, describes_api: bool = False) -> list[int]:
    """The lines where Python says something to a person in one language only."""
    keywords = SPOKEN_KEYWORDS - ({"help_text"} if describes_api else set())
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            found += [argument.lineno for argument in _spoken_arguments(node, keywords) if _is_bare(argument)]
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in keywords:
            found += [node.lineno] if _is_bare(node.value) else []
    return found


def test_python_says_nothing_untranslated() -> None:
    sources = [
        path
        for room in SPOKEN_ROOMS
        for path in (ROOT / room).rglob("*.py")
        if not {"migrations", "management"} & set(path.parts) and "samples" not in path.parts
    ]
    assert len(sources) > 40
    found = {
        str(path): bare_texts(
            (ROOT / path).read_text(encoding="utf-8"), describes_api=_describes_the_api(path)
        )
        for path in (source.relative_to(ROOT) for source in sources)
    }
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "source",
    [
        "raise Rejected('closed', 'It is closed.', 403)",
        "raise Rejected('closed', 'Closed since %s' % then)",
        "raise ValidationError({'page': ['Too late']})",
        "raise NotFound(f'No {thing} here')",
        "forms.CharField(help_text='Only you see it.')",
        "class Meta:\n    verbose_name = 'run'",
        "messages.error(request, 'No.')",
    ],
)
def test_an_unwrapped_python_text_is_found(source: str) -> None:
    assert bare_texts(source)


def test_wrapped_python_texts_are_left_alone() -> None:
    assert not bare_texts("raise Rejected('closed', _('Closed since %(at)s') % {'at': 'noon'})")
    assert not bare_texts("raise ValidationError({'page': [_('Too late')]})")


# --- The catalogue ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def catalogue() -> polib.POFile:
    return polib.pofile(str(CATALOGUE))


def _translations(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def test_every_text_has_a_finished_translation(catalogue: polib.POFile) -> None:
    assert [e.msgid for e in catalogue if e.obsolete or e.fuzzy or not all(_translations(e))] == []


def _places(text: str) -> set[str]:
    return set(re.findall(r"%\(\w+\)[sd]|\{\w+\}|<[^>]+>", text))


def test_translations_keep_every_placeholder_and_tag(catalogue: polib.POFile) -> None:
    wrong = [
        entry.msgid
        for entry in catalogue
        for translation in _translations(entry)
        if _places(translation) != _places(entry.msgid_plural or entry.msgid)
    ]
    assert wrong == []


def test_the_compiled_catalogue_is_that_of_the_source(catalogue: polib.POFile) -> None:
    compiled = polib.mofile(str(CATALOGUE.with_suffix(".mo")))
    assert {e.msgid: _translations(e) for e in compiled} == {e.msgid: _translations(e) for e in catalogue}


@pytest.mark.skipif(shutil.which("xgettext") is None, reason="needs Debian's gettext")
def test_the_catalogue_holds_exactly_the_texts_of_the_source(catalogue: polib.POFile, tmp_path: Path) -> None:
    for room in (*SPOKEN_ROOMS, "live", "runners", "templates"):
        shutil.copytree(
            ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__", "node_modules")
        )
    (tmp_path / "locale").mkdir()
    subprocess.run(
        [sys.executable, "-m", "django", "makemessages", "-l", "zh_Hans", "--no-location"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=110,
    )
    collected = polib.pofile(str(tmp_path / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"))
    in_source, known = {entry.msgid for entry in collected}, {entry.msgid for entry in catalogue}
    assert (sorted(in_source - known), sorted(known - in_source)) == ([], []), "run make messages"
