"""The upload form. It holds no rule: judge.intake decides, and its refusals are shown beside the fields."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django import forms
from django.conf import settings
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from compute import pools
from compute.models import Environment
from contests import rules
from contests.models import TaskVersion
from judge import intake
from judge.intake import MAX_NOTE, Rejected

_FIELD_OF = {
    "wrong_kind": "file",
    "empty": "file",
    "too_large": "file",
    "binary": "file",
    "bad_notebook": "file",
    "bad_project": "file",
    "no_environment": "environment",
    "long_note": "note",
    "no_task": "task",
}


def _with_limit(ending: str) -> str:
    limit = intake.max_bytes(rules.KIND_OF_SUFFIX[ending]) >> 20
    return gettext("%(ending)s (at most %(limit)s MB)") % {"ending": ending, "limit": limit}


def _with_readiness(version: TaskVersion, environment: Environment) -> str:
    """The environment's name, and how far it is where no runner could start in it now."""
    state = pools.readiness(pool=version.pool, environment=environment)
    if state.ready:
        return environment.name
    if state.error:
        words = gettext("could not be built")
    elif state.percent is not None:
        words = gettext("being built: %(percent)s %%") % {"percent": state.percent}
    elif not state.hosts:
        words = gettext("no runner connected")
    else:
        words = gettext("not built yet")
    return f"{environment.name} – {words}"


class SubmissionForm(forms.Form):
    """Fields that would offer no choice (one task, one environment) are hidden."""

    task = forms.ChoiceField(label=_("Task"), required=False)
    file = forms.FileField(label=_("File"), allow_empty_file=True)
    environment = forms.ChoiceField(
        label=_("Environment"),
        required=False,
        help_text=_("The libraries your script can import. A file of predictions needs none."),
    )
    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=MAX_NOTE,
        help_text=_("For yourself: what is different about this one? Only you and the organisers see it."),
    )
    # One key a rendered form: pressing the button twice makes one submission.
    key = forms.UUIDField(widget=forms.HiddenInput, required=False, initial=uuid.uuid4)

    def __init__(self, versions: Sequence[TaskVersion], data: object = None, files: object = None) -> None:
        super().__init__(data, files)  # type: ignore[arg-type]
        endings = sorted(
            {ending for ending, kind in rules.KIND_OF_SUFFIX.items() for v in versions if kind in v.kinds}
        )
        self._offer("task", [(v.task.slug, v.task.title) for v in versions])
        offered = {e.name: (v, e) for v in versions for e in (v.environment, *v.environments.all())}
        self._offer("environment", [(name, _with_readiness(*pair)) for name, pair in offered.items()])
        self.fields["file"].widget.attrs |= {
            "accept": ",".join(endings),
            # What the server refuses before a form is even read is said by js/site.js beside the field.
            "data-max-bytes": settings.PODIUM_MAX_UPLOAD_MB << 20,
            "data-text-too-large": _("The file is larger than the limit of %(limit)s MB.")
            % {"limit": settings.PODIUM_MAX_UPLOAD_MB},
        }
        self.fields["file"].help_text = _("One file that ends in: %(endings)s") % {
            "endings": ", ".join(_with_limit(ending) for ending in endings)
        }
        for name, field in self.fields.items():
            self._style(name, field)

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type checker
        field.choices = choices
        if len(choices) < 2:  # noqa: PLR2004 - nothing to choose
            field.widget = forms.HiddenInput()
        field.initial = choices[0][0] if choices else None

    def _style(self, name: str, field: forms.Field) -> None:
        select = isinstance(field.widget, forms.Select)
        field.widget.attrs["class"] = "form-select" if select else "form-control"
        if name in self.errors:
            field.widget.attrs["class"] += " is-invalid"

    def show(self, rejected: Rejected) -> None:
        """Put a refusal beside the field it is about, or above the form."""
        self.add_error(_FIELD_OF.get(rejected.code), rejected.message)
        name = _FIELD_OF.get(rejected.code)
        if name is not None:
            widget = self.fields[name].widget
            widget.attrs["class"] = f"{widget.attrs.get('class', '')} is-invalid".strip()
