"""The form of a task: metric and its settings, columns, files, environments and limits, each as a field of its own.

It checks that fields are filled in; what makes a task valid is said by contests.tasks, whose complaints are shown
beside the fields.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.admin import widgets
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from compute.models import Environment, Pool
from contests import rules, task_fields
from contests.admin import stage_limits
from contests.models import Phase, Submission, TaskVersion
from metrics.catalogue import CATALOGUE, Metric
from runners.spec import Limits

# Field of runners.spec.Limits, what it is called, its unit.
LIMITS = (
    ("wall_s", _("Time"), _("seconds from start to end")),
    ("cpu_s", _("CPU time"), _("seconds, over all cores together")),
    ("memory_mb", _("Memory"), _("MB; a program that needs more is ended")),
    ("disk_mb", _("Disk"), _("MB for all that a program writes, temporary files too")),
    ("output_mb", _("Output"), _("MB for submission.csv and all other files that are kept")),
    ("log_kb", _("Log"), _("KB that are kept of what a program prints")),
    ("pids", _("Processes"), _("processes and threads at the same time")),
    ("inodes", _("Files"), _("files and folders a program may make")),
    ("gpus", _("GPUs"), _("whole GPUs for each program alone; 0 for none")),
)
_NEEDS = (
    ("labels", _("Predictions are classes")),
    ("probabilities", _("Predictions are probabilities or other scores")),
    ("numbers", _("Predictions are numbers")),
)


_REPLIES = 5  # the column's default


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files at once; cleaned to a list."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[Any]]:
        given = data if isinstance(data, list | tuple) else [data]
        return [super(FilesField, self).clean(file, initial) for file in given if file]


def _most(limit: str) -> int:
    return settings.PODIUM_MAX_OUTPUT_MB if limit == "output_mb" else task_fields.MOST[limit]


def param_field(metric: Metric, name: str) -> str:
    return f"param_{metric.slug}_{name}"


def _metric_choices() -> list[tuple[Any, list[tuple[str, str]]]]:
    return [
        (heading, [(m.slug, gettext(m.title)) for m in CATALOGUE.values() if m.needs == needs])
        for needs, heading in _NEEDS
    ]


def _newest(names: type[Environment], *, also: set[int]) -> list[Environment]:
    """The newest version of every environment contestants' code may run in, and those in use already."""
    newest: dict[str, Environment] = {}
    for environment in names.objects.exclude(name="scoring").order_by("created_at", "pk"):
        newest[environment.name] = environment
    kept = list(names.objects.filter(pk__in=also - {e.pk for e in newest.values()}))
    return [*newest.values(), *kept]


class TaskForm(forms.Form):
    phase = forms.ModelChoiceField(Phase.objects.none(), label=_("Phase"))
    title = forms.CharField(label=_("Title"), max_length=120, widget=widgets.AdminTextInputWidget)
    slug = forms.SlugField(
        label=_("Short name"), max_length=60, help_text=_("For addresses and the API, for example: main")
    )
    kinds = forms.MultipleChoiceField(
        label=_("What may be handed in"),
        choices=Submission.Kind.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text=_(
            "Predictions are a CSV file. Scripts and notebooks are run here and write submission.csv. A project is a "
            "zip with train.py and predict.py."
        ),
    )
    metric = forms.ChoiceField(label=_("Metric"), help_text=_("How answers are compared with the solution."))
    id_column = forms.CharField(
        label=_("Id column"),
        max_length=100,
        help_text=_("The column that names the rows, in all files the same."),
    )
    target_columns = forms.CharField(
        label=_("Target columns"),
        max_length=2000,
        widget=widgets.AdminTextInputWidget,
        help_text=_("What is to be predicted, separated by commas."),
    )
    data_files = FilesField(
        label=_("Add files for contestants"),
        required=False,
        help_text=_(
            "Several at once are fine. Usual are train.csv, test.csv and sample_submission.csv. A file of the same "
            "name is replaced. Contestants can download every one of them."
        ),
    )
    hidden_files = FilesField(
        label=_("Add hidden test features"),
        required=False,
        help_text=_(
            "For tasks whose test rows nobody may download: programs find this file in /input in place of the public "
            "one of the same name, in a run whose log is withheld. Give a public sample of the same name above."
        ),
    )
    hidden_replies = forms.IntegerField(
        label=_("Explained failures a day"),
        required=False,
        min_value=0,
        max_value=task_fields.MAX_REPLIES,
        help_text=_(
            "How often a day a team is told where a program failed beside hidden features. Every answer tells a little."
        ),
    )
    solution = forms.FileField(
        label=_("Solution"),
        required=False,
        help_text=_("A CSV with the id column and the target columns. Contestants never see it."),
    )
    split = forms.ChoiceField(
        label=_("Public and private rows"),
        widget=forms.RadioSelect,
        choices=(
            ("usage", _("The solution says so in a column “Usage”: Public, Private or Ignored")),
            ("draw", _("Podium draws the public rows")),
        ),
        help_text=_(
            "Public rows make the score on the board at once, private rows the one that decides in the end."
        ),
    )
    public_share = forms.IntegerField(
        label=_("Public share"),
        required=False,
        min_value=1,
        max_value=100,
        help_text=_(
            "percent of the rows, drawn so that every class or range of values has its part. 30 is usual."
        ),
    )
    split_seed = forms.IntegerField(
        label=_("Seed"),
        required=False,
        min_value=0,
        max_value=2**31 - 1,
        help_text=_("Another number draws other rows."),
    )
    environment = forms.ModelChoiceField(
        Environment.objects.none(),
        label=_("Default environment"),
        help_text=_("The libraries a program finds."),
    )
    environments = forms.ModelMultipleChoiceField(
        Environment.objects.none(),
        label=_("More to choose from"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    pool = forms.ModelChoiceField(
        Pool.objects.filter(trusted=False),
        label=_("Runner pool"),
        help_text=_("The hosts that run the programs."),
    )

    def __init__(self, phases: Any, version: TaskVersion | None, *args: Any, **options: Any) -> None:
        options["initial"] = {**_initial(version), **options.get("initial", {})}
        super().__init__(*args, **options)
        self.version = version
        self._choose(phases, version)
        for name, label, unit in LIMITS:
            kind = forms.FloatField if name.endswith("_s") else forms.IntegerField
            field = kind(
                label=label, help_text=unit, min_value=task_fields.least(name), max_value=_most(name)
            )
            field.widget.attrs["step"] = "any" if name.endswith("_s") else "1"
            self.fields[f"limit_{name}"] = field
        self.fields |= stage_limits.fields(LIMITS, {name: _most(name) for name, _label, _unit in LIMITS})
        for metric in CATALOGUE.values():
            self._offer_params(metric)
        for name in ("data_files", "hidden_files", "solution"):
            most = settings.PODIUM_MAX_DATA_MB
            # What the server refuses before a form is even read is said by js/admin.js beside the field.
            self.fields[name].widget.attrs |= {
                "data-max-bytes": most << 20,
                "data-text-too-large": gettext("The file is larger than the limit of %(limit)s MB.")
                % {"limit": most},
            }

    def _choose(self, phases: Any, version: TaskVersion | None) -> None:
        used = {version.environment_id, *(e.pk for e in version.environments.all())} if version else set()
        offered = Environment.objects.filter(pk__in=[e.pk for e in _newest(Environment, also=used)])
        for name, rows in (("phase", phases), ("environment", offered), ("environments", offered)):
            field = self.fields[name]
            assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - for the type checker
            field.queryset = rows
            if name == "phase":
                field.label_from_instance = _of_contest  # type: ignore[method-assign, assignment]
        metric = self.fields["metric"]
        assert isinstance(metric, forms.ChoiceField)  # noqa: S101 - for the type checker
        metric.choices = _metric_choices()
        self.fields["solution"].required = version is None
        if version is not None:
            del self.fields["phase"], self.fields["slug"]

    def _offer_params(self, metric: Metric) -> None:
        for param in metric.params:
            field: forms.Field
            words: dict[str, Any] = {
                "label": gettext(param.title),
                "help_text": gettext(param.help) if param.help else "",
            }
            if param.choices:
                field = forms.ChoiceField(choices=[(c, c) for c in param.choices], required=False, **words)
            else:
                field = forms.CharField(required=False, max_length=200, **words)
            field.initial = param.default
            self.fields[param_field(metric, param.name)] = field

    def clean_data_files(self) -> list[UploadedFile[Any]]:
        return self._clean_files("data_files", self.version.files if self.version else None)

    def clean_hidden_files(self) -> list[UploadedFile[Any]]:
        return self._clean_files("hidden_files", self.version.hidden_files if self.version else None)

    def _clean_files(self, field: str, kept: Any) -> list[UploadedFile[Any]]:
        files: list[UploadedFile[Any]] = self.cleaned_data[field]
        names = list(kept.values_list("name", flat=True)) if kept is not None else []
        for number, file in enumerate(files):
            name = rules.safe_filename(file.name or "")
            others = names + [rules.safe_filename(other.name or "") for other in files[:number]]
            for _field, sentence in task_fields.file_mistakes(name, others):
                self.add_error(field, sentence)
            if not file.size:
                self.add_error(field, gettext("%(name)s is empty.") % {"name": name})
        return files

    def clean_target_columns(self) -> list[str]:
        text = self.cleaned_data["target_columns"]
        return [name.strip() for name in re.split(r"[,，]", text) if name.strip()]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if (
            given.get("split") == "draw"
            and given.get("public_share") is None
            and not self.has_error("public_share")
        ):
            self.add_error("public_share", gettext("Say how many percent of the rows are public."))
        return given

    def wanted(self) -> dict[str, Any]:
        """What contests.tasks is told; files come separately."""
        given = self.cleaned_data
        metric = CATALOGUE[given["metric"]]
        draw = given["split"] == "draw"
        return {
            "kinds": given["kinds"],
            "metric": metric.slug,
            "metric_params": {
                param.name: given[param_field(metric, param.name)] or param.default for param in metric.params
            },
            "id_column": given["id_column"],
            "target_columns": given["target_columns"],
            "public_share": given["public_share"] if draw else None,
            "split_seed": (given["split_seed"] or 0) if draw else 0,
            "environment": given["environment"],
            "environments": list(given["environments"]),
            "pool": given["pool"],
            "limits": {name: given[f"limit_{name}"] for name, _label, _unit in LIMITS},
            "stage_limits": stage_limits.wanted(given, LIMITS),
            "hidden_replies": _REPLIES if given["hidden_replies"] is None else given["hidden_replies"],
            # What it says of the files there are; those that come with the form are for set_hidden_file.
            "test_features_public": not self._has_hidden(),
        }

    def _has_hidden(self) -> bool:
        return self.version is not None and self.version.hidden_files.exists()

    def complain(self, field: str, sentence: str) -> None:
        """Put a complaint of contests.tasks beside its field, or above the form."""
        if field == "metric_params" and self.cleaned_data.get("metric") in CATALOGUE:
            metric = CATALOGUE[self.cleaned_data["metric"]]
            field = param_field(metric, metric.params[0].name) if metric.params else "metric"
        name = {"files": "data_files", "name": "data_files", "blob": "data_files"}.get(field, field)
        self.add_error(name if name in self.fields else None, sentence)


def _of_contest(phase: Any) -> str:
    return f"{phase.contest.title}: {phase.title}"


def _initial(version: TaskVersion | None) -> dict[str, Any]:
    if version is None:
        return _sensible()
    initial: dict[str, Any] = {
        name: getattr(version, name)
        for name in ("kinds", "metric", "id_column", "environment", "pool", "public_share", "split_seed")
    }
    initial |= {"hidden_replies": version.hidden_replies, **stage_limits.initial(version.stage_limits)}
    initial |= {"title": version.task.title, "slug": version.task.slug}
    initial["target_columns"] = ", ".join(version.target_columns)
    initial["environments"] = list(version.environments.all())
    initial["split"] = "usage" if version.public_share is None else "draw"
    initial |= _limits(version.limits)
    definition = CATALOGUE.get(version.metric)
    for param in definition.params if definition else ():
        initial[param_field(version.definition, param.name)] = version.metric_params.get(
            param.name, param.default
        )
    return initial


def _sensible() -> dict[str, Any]:
    """What most tasks want; nothing of it is binding."""
    default = Environment.objects.filter(name="python").order_by("-created_at", "-pk").first()
    return {
        "title": gettext("Main"),
        "slug": "main",
        "kinds": [kind for kind in Submission.Kind.values if kind != Submission.Kind.PROJECT],
        "metric": "accuracy",
        "id_column": "id",
        "target_columns": "target",
        "split": "draw",
        "public_share": 30,
        "hidden_replies": _REPLIES,
        "split_seed": 1,
        "environment": default,
        "environments": [default] if default else [],
        "pool": Pool.objects.filter(trusted=False).order_by("pk").first(),
        **_limits(dataclasses.asdict(Limits())),
    }


def _limits(limits: dict[str, Any]) -> dict[str, Any]:
    complete = dataclasses.asdict(Limits()) | limits
    return {f"limit_{name}": _plain(complete[name]) for name, _label, _unit in LIMITS}


def _plain(number: float) -> float:
    return int(number) if float(number).is_integer() else number
