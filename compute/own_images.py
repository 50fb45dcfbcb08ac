"""Organisers' own images as environments: named by digest, so that a score can be had again in a year."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from compute.models import Environment
from runners.spec import IMAGE

if TYPE_CHECKING:
    EnvironmentForm = forms.ModelForm[Environment]
else:
    EnvironmentForm = forms.ModelForm

_VERSION_DIGITS = 12  # as many as the versions that Podium builds


def version_of(image: str) -> str:
    """The version an image gives its environment: the beginning of its digest."""
    return image.rpartition(":")[2][:_VERSION_DIGITS]


class OwnImageForm(EnvironmentForm):
    """Name and digest of an image. It is not fetched here: the operator of a Docker host brings it there."""

    class Meta:
        model = Environment
        fields = ("name", "image")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "image" in self.fields:
            self.fields["image"].required = True
            self.fields["image"].widget.attrs["placeholder"] = "registry.example.org/team/image@sha256:…"
            self.fields["image"].help_text = _(
                "By digest, as docker image inspect tells it. Bring it to each host that shall run it with "
                "python -m runners.environments pull IMAGE."
            )

    def clean_image(self) -> str:
        image: str = self.cleaned_data["image"].strip()
        if IMAGE.fullmatch(image):
            return image
        if "@" in image:
            raise forms.ValidationError(
                _("A digest is sha256: and 64 hexadecimal digits in lower case."), code="digest"
            )
        raise forms.ValidationError(
            _("%(image)s is a tag, which may mean something else tomorrow: write name@sha256:…"),
            code="tag",
            params={"image": image},
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        name, image = cleaned.get("name"), cleaned.get("image")
        if name and Environment.objects.filter(name=name, image="").exists():
            self.add_error("name", _("Podium builds an environment of this name itself: choose another one."))
        if name and image and Environment.objects.filter(name=name, version=version_of(image)).exists():
            self.add_error("image", _("This image is there under this name already."))
        return cleaned
