"""A runner host for tests: speaks the runner protocol to the real site through Django's test client."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from django.test import Client

from runners.spec import PROTOCOL_VERSION, RESULT_FILE, SUBMISSION_FILE, JobSpec
from runners.verdict import RunFacts
from tests.builders import ENVIRONMENT_VERSION, make_facts, pool_token

GOOD_RESULT = {"ok": True, "public": 0.75, "private": 0.5, "feedback": {}}


@dataclasses.dataclass
class Host:
    client: Client = dataclasses.field(default_factory=Client)
    name: str = "host-1"

    def call(self, method: str, path: str, token: str, body: bytes | dict[str, Any] = b"") -> HttpResponse:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer: HttpResponse = self.client.generic(  # type: ignore[assignment]
            method, f"/runner/v1/{path}", data, headers={"authorization": f"Bearer {token}"}
        )
        return answer

    def claim(
        self,
        pool: str = "cpu",
        environments: tuple[str, ...] = ("python", "scoring"),
        devices: Sequence[dict[str, Any]] = (),
    ) -> JobSpec | None:
        answer = self.call(
            "POST",
            "claim",
            pool_token(pool),
            {
                "protocol": PROTOCOL_VERSION,
                "host": self.name,
                "environments": [f"{name}@{ENVIRONMENT_VERSION}" for name in environments],
                "building": {},
                "devices": list(devices),
            },
        )
        if answer.status_code == 204:
            return None
        assert answer.status_code == 200, answer.content
        return JobSpec.from_json(json.loads(answer.content))

    def must_claim(self, pool: str = "cpu") -> JobSpec:
        spec = self.claim(pool)
        assert spec is not None, f"nothing to claim in {pool}"
        return spec

    def on_job(
        self, method: str, spec: JobSpec, what: str, body: bytes | dict[str, Any] = b""
    ) -> HttpResponse:
        return self.call(method, f"jobs/{spec.job_id}/{what}", spec.token, body)

    def heartbeat(self, spec: JobSpec, *, offset: int = 0, log: bytes = b"", **more: object) -> HttpResponse:
        encoded = base64.b64encode(log).decode()
        body = {
            "attempt": spec.attempt,
            "log_offset": offset,
            "log": encoded,
            "usage": {"wall_s": 1.0},
        } | more
        return self.on_job("POST", spec, "heartbeat", body)

    def upload(self, spec: JobSpec, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        answer = self.on_job("PUT", spec, f"files/{digest}", content)
        assert answer.status_code == 201, answer.content
        return digest

    def finish(
        self, spec: JobSpec, *, facts: RunFacts | None = None, files: dict[str, bytes] | None = None
    ) -> HttpResponse:
        sent = [
            {"name": name, "sha256": self.upload(spec, content), "size": len(content)}
            for name, content in (files or {}).items()
        ]
        return self.on_job(
            "POST",
            spec,
            "finish",
            {"attempt": spec.attempt, "facts": (facts or make_facts()).as_json(), "files": sent},
        )

    def run_well(self, spec: JobSpec, predictions: bytes = b"id,target\n3,1\n4,1\n") -> HttpResponse:
        return self.finish(spec, files={SUBMISSION_FILE: predictions})

    def score_well(self, spec: JobSpec, result: dict[str, Any] | None = None) -> HttpResponse:
        return self.finish(spec, files={RESULT_FILE: json.dumps(result or GOOD_RESULT).encode()})
