"""How Podium writes things on its pages: scores, durations, sizes, texts in the reader's language."""

from __future__ import annotations

from django import template
from django.utils.formats import number_format
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, ngettext

from contests import joining, markdown
from contests.models import Contest

register = template.Library()

_MINUTE = 60
_HOUR = 3600


@register.filter
def score(value: float | str | None, decimals: int | str) -> str:
    """A score with as many decimals as its metric has; a dash when there is none ("" is a template's nothing).

    The same in every language, and the same as static/js/board.js writes it.
    """
    if value is None or isinstance(value, str):
        return "–"
    return f"{value:.{decimals}f}" if isinstance(decimals, int) else f"{value:g}"


@register.filter
def in_language(thing: object, field: str) -> str:
    """`field` of an object, or its Chinese twin (`field_zh`) when the page is Chinese and the twin is filled in."""
    if (get_language() or "").startswith("zh"):
        chinese = getattr(thing, f"{field}_zh", "")
        if chinese:
            return str(chinese)
    return str(getattr(thing, field))


@register.filter
def organised_by(contest: Contest, user: object) -> bool:
    return contest.is_organised_by(user)


@register.filter
def translated(text: str) -> str:
    """A text that was marked with gettext_noop where it was written (metric titles, for example)."""
    return gettext(text) if text else ""


@register.simple_tag
def standing_of(contest: Contest, user: object) -> joining.Standing:
    return joining.standing(user, contest)


@register.filter
def rendered(text: str) -> SafeString:
    return markdown.render(text)


@register.filter
def duration(seconds: float | None) -> str:
    """Seconds as a person says them: 0.4 s, 12 s, 3 min 20 s, 2 h 5 min."""
    if seconds is None:
        return "–"
    if seconds < 10:  # noqa: PLR2004 - below ten seconds a tenth matters
        return gettext("%(seconds)s s") % {"seconds": number_format(round(seconds, 1))}
    whole = round(seconds)
    if whole < _MINUTE:
        return gettext("%(seconds)s s") % {"seconds": whole}
    return _in_hours(whole) if whole >= _HOUR else _in_minutes(whole)


def _in_minutes(seconds: int) -> str:
    minutes, rest = divmod(seconds, _MINUTE)
    if not rest:
        return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    return gettext("%(minutes)d min %(seconds)d s") % {"minutes": minutes, "seconds": rest}


def _in_hours(seconds: int) -> str:
    hours, rest = divmod(seconds, _HOUR)
    if rest < _MINUTE:
        return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
    return gettext("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": rest // _MINUTE}


@register.filter
def megabytes(count: float | None) -> str:
    """A size given in MB, in GB once it is a whole number of them or large."""
    if count is None:
        return "–"
    if count >= 1024:  # noqa: PLR2004
        return f"{number_format(round(count / 1024, 1)).removesuffix('.0')} GB"
    return f"{number_format(round(count, 1 if count < 10 else 0)).removesuffix('.0')} MB"  # noqa: PLR2004


@register.filter
def percent_of(value: float | None, limit: float | None) -> int:
    """How much of a limit was used, 0 to 100, for a meter."""
    if not value or not limit:
        return 0
    return max(0, min(100, round(100 * value / limit)))


@register.filter
def in_megabytes(count: float | None) -> float | None:
    return None if count is None else count / (1 << 20)
