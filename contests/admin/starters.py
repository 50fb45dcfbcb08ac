"""Starter code: sample submissions on the contest page; those that are baselines are judged at every check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from compute.models import Environment
from contests import blobs, rules
from contests.admin.scoping import Base, ContestFilter, Scoped
from contests.models import StarterCode
from contests.organising import contests_of, may_enter

if TYPE_CHECKING:
    StarterModelForm = forms.ModelForm[StarterCode]
else:
    StarterModelForm = forms.ModelForm


class StarterForm(StarterModelForm):
    file = forms.FileField(
        label=_("File"),
        required=False,
        help_text=_("A script (.py), a notebook (.ipynb) or predictions (.csv)."),
    )

    class Meta:
        model = StarterCode
        fields = ("contest", "title", "title_zh", "environment", "baseline", "position")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["file"].required = not self.instance.pk
        if self.instance.pk:
            kept = gettext("Now: %(name)s. Choose a file only to replace it.") % {"name": self.instance.name}
            self.fields["file"].help_text = kept
            self.fields["contest"].disabled = True
        self.fields["environment"].required = False

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if not file:
            return file
        name = rules.safe_filename(file.name)
        if rules.kind_of(name) is None:
            raise forms.ValidationError(
                gettext("The name must end in: %(endings)s") % {"endings": ", ".join(rules.KIND_OF_SUFFIX)}
            )
        return file

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if given.get("file") and given.get("contest"):
            name = rules.safe_filename(given["file"].name)
            others = StarterCode.objects.filter(contest=given["contest"], name=name).exclude(
                pk=self.instance.pk
            )
            if others.exists():
                self.add_error("file", gettext("This contest has starter code of that name already."))
        return given


@admin.register(StarterCode)
class StarterAdmin(Scoped, Base):
    form = StarterForm
    list_display = ("title", "name", "contest", "environment", "baseline", "position")
    list_filter = (ContestFilter,)
    list_select_related = ("contest", "environment")
    fields = ("contest", "file", "title", "title_zh", "environment", "baseline", "position")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_enter(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.mine(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.mine(request, obj)

    def view_on_site(self, obj: StarterCode) -> str:
        return reverse("contests:section", args=[obj.contest.slug, "starter"])

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "contest":
            options["queryset"] = contests_of(request)
        if db_field.name == "environment":
            options["queryset"] = Environment.objects.exclude(name="scoring")
            options["empty_label"] = gettext("The task's default")
        return super().formfield_for_foreignkey(db_field, request, **options)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Without the buttons that add and change what a form refers to: none of it is made in a pop-up."""
        field = super().formfield_for_dbfield(db_field, request, **options)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        newest = contests_of(request).order_by("-pk").first()
        return {"contest": newest.pk if newest else None, **initial}

    def save_model(self, request: HttpRequest, obj: StarterCode, form: Any, change: bool) -> None:  # noqa: FBT001
        file = form.cleaned_data["file"]
        if file:
            obj.name = rules.safe_filename(file.name)
            obj.blob = blobs.store(file.chunks(), max_bytes=settings.PODIUM_MAX_DATA_MB << 20)
        super().save_model(request, obj, form, change)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Nothing hangs on starter code."""
        return [str(starter.title) for starter in objs], {}, set(), []
