"""Every page of the admin opens: the list, the form to add, and the page of one row, of every model shown there."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.contrib.admin.utils import label_for_field
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import translation

from tests.builders import make_contest, make_host, make_pool, make_submission, make_user

pytestmark = pytest.mark.django_db
MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)


@pytest.fixture
def client() -> Client:
    contest = make_contest(starters={"a.py": b"1"})
    make_submission(contest, make_user("alice"), status="FINISHED", files={"submission.csv": b"x"})
    make_host(make_pool("cpu"))
    client = Client()
    client.force_login(make_user("boss", staff=True))
    return client


@pytest.mark.parametrize("model", MODELS, ids=lambda model: str(model._meta.label))
def test_list_and_row_open(client: Client, model: type[Model]) -> None:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    assert client.get(reverse(f"{name}_changelist")).status_code == 200
    row = model._default_manager.first()
    if row is not None:
        assert client.get(reverse(f"{name}_change", args=[row.pk])).status_code == 200


@pytest.mark.parametrize("model", MODELS, ids=lambda model: str(model._meta.label))
def test_the_columns_of_a_list_have_chinese_names(model: type[Model]) -> None:
    shown = admin.site._registry[model]
    with translation.override("zh-hans"):
        names = [str(label_for_field(field, model, shown)) for field in shown.list_display]
        titles = [str(getattr(each, "title", "")) for each in shown.list_filter if not isinstance(each, str)]
    same_everywhere = {"ID", "id", "GPU"}
    english = [
        name for name in (*names, *titles) if re.search("[a-z]{2}", name) and name not in same_everywhere
    ]
    assert english == []
