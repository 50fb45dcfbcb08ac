"""An organiser's own image: entered by digest, chosen by a task, claimed by hosts that have it."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from compute import pools
from compute.models import Environment
from runners.spec import PROTOCOL_VERSION
from tests.builders import (
    ENVIRONMENT_VERSION,
    make_contest,
    make_environment,
    make_host,
    make_pool,
    make_submission,
    make_user,
    pool_token,
    task_version_of,
)

pytestmark = pytest.mark.django_db

DIGEST = "0123456789abcdef" * 4
IMAGE = f"registry.example.org/lab/vision@sha256:{DIGEST}"


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Settings) -> None:
    """Hashed names need `collectstatic`; these tests look at pages, not at file names."""
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(make_user("root", staff=True))
    return client


def enter(client: Client, name: str, image: str) -> str:
    """Send the form; the page that comes back, empty when the image was taken."""
    answer = client.post("/admin/compute/environment/add/", {"name": name, "image": image})
    return "" if answer.status_code == 302 else answer.content.decode()


def own_image(name: str = "vision") -> Environment:
    return Environment.objects.create(name=name, version=DIGEST[:12], image=IMAGE)


def test_an_image_is_entered_by_its_digest(admin: Client) -> None:
    assert "sha256:" in admin.get("/admin/compute/environment/add/").content.decode()
    assert enter(admin, "vision", f" {IMAGE} ") == ""
    entered = Environment.objects.get(name="vision")
    assert (entered.image, entered.version) == (IMAGE, DIGEST[:12])
    shown = admin.get(f"/admin/compute/environment/{entered.pk}/change/").content.decode()
    assert IMAGE in shown
    assert 'name="_save"' not in shown


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("registry.example.org/lab/vision:latest", "is a tag, which may mean something else tomorrow"),
        ("python", "is a tag, which may mean something else tomorrow"),
        (f"lab/vision@sha256:{DIGEST[:-1]}", "64 hexadecimal digits"),
        (f"lab/vision@sha256:{DIGEST.upper()}", "64 hexadecimal digits"),
        ("", "This field is required"),
    ],
)
def test_whatever_is_no_digest_is_refused_with_what_to_write(admin: Client, image: str, said: str) -> None:
    assert said in enter(admin, "vision", image)
    assert not Environment.objects.filter(name="vision").exists()


def test_a_name_of_an_environment_that_podium_builds_is_refused(admin: Client) -> None:
    make_environment("python")
    assert "Podium builds an environment of this name itself" in enter(admin, "python", IMAGE)
    assert not Environment.objects.exclude(image="").exists()


def test_only_an_administrator_of_the_site_may_enter_one(client: Client) -> None:
    organiser = make_user("organiser", staff=True)
    organiser.is_superuser = False
    organiser.save()
    client.force_login(organiser)
    answer = client.post("/admin/compute/environment/add/", {"name": "vision", "image": IMAGE})
    assert answer.status_code == 403
    assert not Environment.objects.exists()


def claim(environments: list[str], sandbox: str = "docker") -> dict[str, object] | None:
    told = {"protocol": PROTOCOL_VERSION, "host": "h", "environments": environments, "sandbox": sandbox}
    headers = {"authorization": f"Bearer {pool_token('cpu')}"}
    answer = Client().post("/runner/v1/claim", json.dumps(told), "application/json", headers=headers)
    return json.loads(answer.content) if answer.status_code == 200 else None


def test_only_a_host_that_has_the_image_by_this_digest_gets_the_job_and_is_told_the_digest() -> None:
    contest, image = make_contest(), own_image()
    version = task_version_of(contest)
    version.environments.add(image)
    make_submission(contest, make_user(), environment=image)
    other = f"registry.example.org/lab/vision@sha256:{'f' * 64}"
    assert claim([f"vision@{image.version}", f"python@{ENVIRONMENT_VERSION}", f"image:{other}"]) is None
    spec = claim([f"image:{IMAGE}"])
    assert spec is not None
    assert (spec["image"], spec["environment"]) == (IMAGE, f"vision@{image.version}")


def test_a_pool_is_ready_for_an_image_when_one_of_its_hosts_has_it() -> None:
    pool, image = make_pool(), own_image()
    host = make_host(pool, environments=[make_environment("python")])
    assert not pools.readiness(pool=pool, environment=image).ready
    assert image.pk not in pools.ready_environments(pool.pk)
    host.environments.append(f"image:{IMAGE}")
    host.save()
    assert pools.readiness(pool=pool, environment=image).ready
    assert image.pk in pools.ready_environments(pool.pk)
