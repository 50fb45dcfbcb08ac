"""The description is whole: every address, every operation with words, rights and errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.drainage import GENERATOR_STATS

from config import api_urls
from tests.api.world import description

METHODS = {"get", "post", "put", "patch", "delete"}
Described = tuple[str, str, dict[str, Any]]


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return description()


@pytest.fixture
def operations(described: dict[str, Any]) -> list[Described]:
    return [
        (path, method, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]


def views(patterns: list[Any]) -> Iterator[Any]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from views(pattern.url_patterns)
        elif isinstance(pattern, URLPattern):
            yield pattern.callback.view_class  # type: ignore[attr-defined]


def test_every_address_of_the_api_is_described_with_all_its_methods(operations: list[Described]) -> None:
    offered = [
        (view.__name__, method)
        for view in views(get_resolver(api_urls.__name__).url_patterns)
        for method in METHODS
        if hasattr(view, method)
    ]
    assert len(offered) > 50
    assert len(operations) == len(offered)


def test_no_warning_is_left_while_it_is_made(described: dict[str, Any]) -> None:
    assert (dict(GENERATOR_STATS._warn_cache), dict(GENERATOR_STATS._error_cache)) == ({}, {})


def test_every_operation_has_a_summary_a_tag_and_a_name_of_its_own(operations: list[Described]) -> None:
    assert [
        (path, method) for path, method, found in operations if not (found.get("summary") and found["tags"])
    ] == []
    names = [found["operationId"] for _path, _method, found in operations]
    assert len(names) == len(set(names))


def test_every_operation_says_who_may_use_it_and_how_it_refuses(operations: list[Described]) -> None:
    for path, method, found in operations:
        assert {"token": []} in found["security"], (method, path)
        wanted = {"400", "401", "429"}
        if method != "get" or {} not in found["security"]:
            wanted.add("403")
        if "{" in path:
            wanted.add("404")
        if method in {"post", "put", "patch"}:
            wanted |= {"413", "415"}
        assert wanted <= set(found["responses"]), (method, path)
        for code in wanted:
            schema = found["responses"][code]["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/Error"}, (method, path, code)


def test_the_idempotency_key_is_described(described: dict[str, Any]) -> None:
    parameters = described["paths"]["/api/v1/contests/{slug}/submissions/"]["post"]["parameters"]
    assert ("Idempotency-Key", "header") in {(each["name"], each["in"]) for each in parameters}


@pytest.mark.parametrize(
    ("query", "kind"), [("", "application/vnd.oai.openapi"), ("?format=json", "openapi+json")]
)
def test_it_is_served_to_everybody(db: None, query: str, kind: str) -> None:
    answer = Client().get(f"/api/schema/{query}")
    assert answer.status_code == 200
    assert kind in answer["content-type"]
    assert b"/api/v1/contests/{slug}/submissions/" in answer.content
