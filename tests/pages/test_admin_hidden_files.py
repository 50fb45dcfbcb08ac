"""Hidden test features and limits by stage in the admin's form of a task."""

from __future__ import annotations

import pytest
from django.test import Client

from contests.models import TaskVersion
from tests import builders
from tests.pages.admin_forms import fill_in, press
from tests.pages.reading import read
from tests.pages.test_admin_contest import ada, add_task, client, file, open_contest

__all__ = ["ada", "client"]
pytestmark = pytest.mark.django_db
HIDDEN = b"id,x\nr1,4\nr2,9\n"


def _task(client: Client) -> TaskVersion:
    add_task(client, open_contest(client))
    return TaskVersion.objects.get()


def _form_of(version: TaskVersion) -> str:
    return f"/admin/contests/task/{version.task_id}/change/"


def test_a_hidden_file_makes_the_test_features_hidden_and_is_listed_apart(client: Client) -> None:
    version = _task(client)
    page = fill_in(client, _form_of(version), hidden_files=file("test.csv", HIDDEN), kinds=["script"])
    version.refresh_from_db()
    assert [item.name for item in version.hidden_files.all()] == ["test.csv"]
    assert not version.test_features_public
    assert "test.csv (hidden test features)" in page.text
    fill_in(client, _form_of(version))
    version.refresh_from_db()
    assert not version.test_features_public  # saving the form once more keeps them hidden


def test_removing_the_last_hidden_file_asks_first_and_makes_the_features_public_again(client: Client) -> None:
    version = _task(client)
    fill_in(client, _form_of(version), hidden_files=file("test.csv", HIDDEN), kinds=["script"])
    kept = version.hidden_files.get()
    path = f"/admin/contests/task/{version.task_id}/hidden/{kept.pk}/remove/"
    assert "Contestants' programs will no longer find the hidden test.csv" in read(client, path).text
    assert version.hidden_files.exists()
    press(client, path, path)
    version.refresh_from_db()
    assert (version.hidden_files.exists(), version.test_features_public) == (False, True)
    assert version.files.filter(name="test.csv").exists()


def test_a_hidden_file_that_is_public_already_is_refused_in_a_sentence(client: Client) -> None:
    version = _task(client)
    content = builders.DATA_FILES["test.csv"]
    page = fill_in(client, _form_of(version), hidden_files=file("test.csv", content), kinds=["script"])
    assert "This file is public already; it cannot be hidden." in page.text
    assert not version.hidden_files.exists()


def test_limits_of_a_stage_are_kept_where_they_are_given_and_only_there(client: Client) -> None:
    version = _task(client)
    page = fill_in(client, _form_of(version), stage_train_wall_s="7200", stage_predict_memory_mb="512")
    assert page.status == 200
    version.refresh_from_db()
    assert version.stage_limits == {"train": {"wall_s": 7200}, "predict": {"memory_mb": 512}}
    fill_in(client, _form_of(version), stage_train_wall_s="", hidden_replies="2")
    version.refresh_from_db()
    assert version.stage_limits == {"predict": {"memory_mb": 512}}
    assert version.hidden_replies == 2


def test_a_stage_limit_beyond_what_is_possible_is_said_beside_its_field(client: Client) -> None:
    version = _task(client)
    page = fill_in(client, _form_of(version), stage_train_pids="1000000")
    assert page.status == 400
    assert "less than or equal to 4096" in page.text
