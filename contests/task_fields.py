"""What the fields of a task may hold, as one question: everything that is wrong with them at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from contests.models import Submission
from metrics.catalogue import CATALOGUE
from metrics.scoring_spec import ScoringSpec
from runners.spec import SAFE_NAME, Limits

Mistakes = list[tuple[str, str]]

MAX_COLUMN = 100
MAX_COLUMNS = 200
MAX_SEED = 2**31 - 1
MAX_REPLIES = 100
STAGES = ("train", "predict")  # of a project, which may have limits of their own
# Of each limit what a task may ask for at most; a host may have less and then never takes the job.
MOST = {
    "wall_s": 7 * 86_400,
    "cpu_s": 90 * 86_400,
    "memory_mb": 1 << 20,
    "pids": 4096,
    "disk_mb": 1 << 20,
    "inodes": 1_000_000,
    "log_kb": 10_240,
    "gpus": 64,
}
WHOLE = frozenset(MOST) - {"wall_s", "cpu_s"} | {"output_mb"}
# A public file of this name is a slip, and one that cannot be taken back.
RESERVED_NAMES = frozenset({"solution.csv"})


def least(limit: str) -> int:
    """What a limit must be at least."""
    return 0 if limit == "gpus" else 1


def mistakes(fields: Mapping[str, Any]) -> Mistakes:
    """(field, sentence) for everything that is wrong. `fields` are those of a whole TaskVersion."""
    found = _kinds(fields["kinds"])
    found += _columns(fields["id_column"], fields["target_columns"])
    found += _metric(fields) if not found else []
    found += _limits(fields["limits"])
    found += _stages(fields)
    found += _split(fields["public_share"], fields["split_seed"])
    if fields["pool"].trusted:
        found.append(("pool", _("Contestants' programs must not run in a pool that is trusted with labels.")))
    return found


def _kinds(kinds: object) -> Mistakes:
    known = set(Submission.Kind.values)
    if (
        isinstance(kinds, Sequence)
        and not isinstance(kinds, str)
        and kinds
        and all(k in known for k in kinds)
    ):
        return []
    return [("kinds", _("Choose at least one of: %(kinds)s.") % {"kinds": ", ".join(sorted(known))})]


def _columns(id_column: object, targets: object) -> Mistakes:
    found = []
    if not _is_name(id_column):
        found.append(
            ("id_column", _("Name the id column, in 1 to %(most)d characters.") % {"most": MAX_COLUMN})
        )
    if not isinstance(targets, Sequence) or isinstance(targets, str) or not targets:
        found.append(("target_columns", _("Name at least one target column.")))
    elif not all(map(_is_name, targets)) or len(targets) > MAX_COLUMNS:
        found.append(
            (
                "target_columns",
                _("Name each target column in 1 to %(most)d characters.") % {"most": MAX_COLUMN},
            )
        )
    elif len({id_column, *targets, "Usage"}) != len(targets) + 2:
        found.append(
            ("target_columns", _("The id column, the target columns and “Usage” must be different names."))
        )
    return found


def _is_name(name: object) -> bool:
    return isinstance(name, str) and 0 < len(name.strip()) <= MAX_COLUMN and name.isprintable()


def _metric(fields: Mapping[str, Any]) -> Mistakes:
    metric = CATALOGUE.get(fields["metric"])
    if metric is None:
        return [("metric", _("There is no such metric."))]
    if len(fields["target_columns"]) > 1 and not metric.several_columns:
        return [("target_columns", _("This metric takes one target column."))]
    given = fields["metric_params"]
    try:
        ScoringSpec(
            metric=metric.slug,
            params=given,
            id_column=fields["id_column"],
            target_columns=tuple(fields["target_columns"]),
        )
    except (ValueError, TypeError):
        allowed = "; ".join(f"{p.name}: {', '.join(p.choices) or _('text')}" for p in metric.params)
        return [
            (
                "metric_params",
                _("The settings of this metric are: %(settings)s.") % {"settings": allowed or "–"},
            )
        ]
    return []


def _limits(limits: object) -> Mistakes:
    most = MOST | {"output_mb": settings.PODIUM_MAX_OUTPUT_MB}
    if not isinstance(limits, Mapping) or not set(limits) <= set(most):
        return [("limits", _("The limits are: %(names)s.") % {"names": ", ".join(most)})]
    found = []
    for name, value in (Limits().as_json() | dict(limits)).items():
        number = isinstance(value, int) or (isinstance(value, float) and name not in WHOLE)
        if isinstance(value, bool) or not number or not least(name) <= value <= most[name]:
            told = {"name": name, "least": least(name), "most": most[name]}
            found.append(("limits", _("%(name)s must lie between %(least)d and %(most)d.") % told))
    return found


def _stages(fields: Mapping[str, Any]) -> Mistakes:
    """The limits of a project's programs, and how much is told of failures beside hidden features."""
    stages, replies = fields["stage_limits"], fields["hidden_replies"]
    found: Mistakes = []
    if not isinstance(stages, Mapping) or not set(stages) <= set(STAGES):
        found.append(
            ("stage_limits", _("Limits by stage are those of: %(names)s.") % {"names": ", ".join(STAGES)})
        )
    else:
        found += [
            ("stage_limits", sentence) for limits in stages.values() for _field, sentence in _limits(limits)
        ]
    if not _within(replies, 0, MAX_REPLIES):
        found.append(
            (
                "hidden_replies",
                _("Explained failures a day must be a whole number from 0 to %(most)d.")
                % {"most": MAX_REPLIES},
            )
        )
    return found


def _split(share: object, seed: object) -> Mistakes:
    found = []
    if share is not None and not _within(share, 1, 100):
        found.append(("public_share", _("The public share must be a whole number from 1 to 100 percent.")))
    if not _within(seed, 0, MAX_SEED):
        found.append(
            ("split_seed", _("The seed must be a whole number from 0 to %(most)d.") % {"most": MAX_SEED})
        )
    return found


def _within(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def file_mistakes(name: str, others: Sequence[str]) -> Mistakes:
    """What is wrong with the name of a data file beside `others`."""
    if not SAFE_NAME.fullmatch(name):
        return [
            (
                "name",
                _(
                    "“%(name)s” cannot be the name of a data file: use up to 100 letters, digits, dots, dashes and "
                    "underscores, beginning with a letter or digit."
                )
                % {"name": name[:120]},
            )
        ]
    if name.lower() in RESERVED_NAMES:
        return [("name", _("A public file must not be called %(name)s.") % {"name": name})]
    if any(other != name and other.lower() == name.lower() for other in others):
        return [("name", _("There is a file of this name already, with other capitals."))]
    return []
