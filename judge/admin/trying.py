"""The form by which an organiser tries a task out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from compute.models import Environment
from contests import rules
from contests.models import TaskVersion


class TryForm(forms.Form):
    file = forms.FileField(label=_("File"))
    environment = forms.ModelChoiceField(Environment.objects.none(), label=_("Environment"), empty_label=None)

    def __init__(self, version: TaskVersion, *args: Any) -> None:
        super().__init__(*args)
        endings = [ending for ending, kind in rules.KIND_OF_SUFFIX.items() if kind in version.kinds]
        self.fields["file"].widget.attrs["accept"] = ",".join(endings)
        offered = {version.environment_id, *version.environments.values_list("pk", flat=True)}
        field = self.fields["environment"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - for the type checker
        field.queryset = Environment.objects.filter(pk__in=offered)
        field.initial = version.environment
