"""What runner hosts say to the site and hear from it (docs/runner-protocol.md). JSON over HTTP, bearer tokens.

A pool token may only claim. A job token is good for one attempt: for the inputs of its job, its log, its outputs
and its one finish. A stale token is answered 409 and changes nothing.
"""

from __future__ import annotations

import base64
import binascii
import functools
import json
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from compute import pools
from contests import blobs
from judge import bell, lease, logs, results, specification
from judge.models import Job
from runners.spec import PROTOCOL_VERSION, OutputFile
from runners.verdict import RunFacts

log = structlog.get_logger(__name__)
View = Callable[..., HttpResponseBase]
USAGE_FIELDS = ("wall_s", "cpu_s", "memory", "disk")


class BadRequest(Exception):
    """The body is not what the protocol says."""

    status = 422


def _problem(detail: str, status: int) -> JsonResponse:
    return JsonResponse({"detail": detail}, status=status)


def _bearer(request: HttpRequest) -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _body(request: HttpRequest) -> dict[str, Any]:
    try:
        raw = json.loads(request.body)
    except ValueError as error:
        raise BadRequest("The body must be JSON.") from error
    if not isinstance(raw, dict):
        raise BadRequest("The body must be a JSON object.")
    return raw


def _runner_view(method: str) -> Callable[[View], View]:
    """Errors as JSON, no CSRF: runners have no cookies."""

    def wrap(view: View) -> View:
        @csrf_exempt
        @require_http_methods([method])
        @functools.wraps(view)
        def answered(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
            try:
                return view(request, **kwargs)
            except lease.Stale:
                return _problem("This attempt has ended or was taken over; drop it.", 409)
            except (BadRequest, results.Malformed) as error:
                return _problem(str(error), 422)

        return answered

    return wrap


@_runner_view("POST")
def claim(request: HttpRequest) -> HttpResponseBase:
    pool = pools.pool_of(_bearer(request))
    if pool is None:
        return _problem(
            "This pool token is not known. Open the pool again and give its hosts the new token.", 401
        )
    body = _body(request)
    if body.get("protocol") != PROTOCOL_VERSION:
        return _problem(f"This site speaks runner protocol {PROTOCOL_VERSION}; update the runner.", 426)
    environments = [str(item) for item in body.get("environments", [])][:100]
    building = body.get("building", {})
    if not isinstance(building, dict):
        raise BadRequest("building must be an object.")
    host = str(body.get("host", ""))[:120]
    if not host:
        raise BadRequest("host must name the runner host.")
    pools.report(pool=pool, host=host, environments=environments, building=building)
    if body.get("slots") == 0:
        return HttpResponse(status=204)
    spec = lease.claim(pool=pool, host=host, environments=environments)
    return HttpResponse(status=204) if spec is None else JsonResponse(spec.as_json())


@_runner_view("POST")
def bell_address(request: HttpRequest) -> HttpResponseBase:
    """Where this pool's bell is heard by a host that is not on our broker."""
    pool = pools.pool_of(_bearer(request))
    if pool is None:
        return _problem("This pool token is not known.", 401)
    return JsonResponse({"address": bell.address(pool.slug)})


@_runner_view("POST")
def heartbeat(request: HttpRequest, job_id: uuid.UUID) -> HttpResponseBase:
    body, token = _body(request), _bearer(request)
    if lease.was_cancelled(job_id=job_id, token=token):
        return JsonResponse({"cancel": True, "log_offset": body.get("log_offset", 0)})
    job = lease.held(job_id=job_id, token=token, attempt=body.get("attempt"))
    lease.extend(job, usage=_usage(body.get("usage")))
    try:
        offset, data = int(body.get("log_offset", 0)), base64.b64decode(body.get("log", ""), validate=True)
    except (ValueError, TypeError, binascii.Error) as error:
        raise BadRequest("log must be base64 and log_offset a number.") from error
    if offset < 0 or len(data) > logs.MAX_CHUNK:
        raise BadRequest(f"At most {logs.MAX_CHUNK} bytes of log a call.")
    have = logs.append(job, offset=offset, data=data) if data else job.log_bytes
    return JsonResponse({"cancel": False, "log_offset": have})


def _usage(raw: object) -> dict[str, float]:
    if not isinstance(raw, dict):
        return {}
    return {name: float(raw[name]) for name in USAGE_FIELDS if isinstance(raw.get(name), int | float)}


@_runner_view("GET")
def blob(request: HttpRequest, job_id: uuid.UUID, sha256: str) -> HttpResponseBase:
    job = lease.held(job_id=job_id, token=_bearer(request))
    if sha256 not in specification.input_digests(job):
        return _problem("This file is not an input of this job.", 404)
    return FileResponse(blobs.path_of(sha256).open("rb"), content_type="application/octet-stream")


@_runner_view("PUT")
def upload(request: HttpRequest, job_id: uuid.UUID, sha256: str) -> HttpResponseBase:
    job = lease.held(job_id=job_id, token=_bearer(request))
    limit = specification.limits_of(job).output_mb << 20
    try:
        written, size = blobs.write(iter(lambda: request.read(blobs.CHUNK), b""), max_bytes=limit)
    except blobs.TooLarge:
        return _problem(f"The file is larger than this job's output limit of {limit} bytes.", 413)
    if written != sha256:
        return _problem("The bytes do not have the announced SHA-256; send them again.", 422)
    results.keep_upload(job, written, size)
    return JsonResponse({"sha256": written, "size": size}, status=201)


@_runner_view("POST")
def finish(request: HttpRequest, job_id: uuid.UUID) -> HttpResponseBase:
    body = _body(request)
    job = lease.held(job_id=job_id, token=_bearer(request), attempt=body.get("attempt"))
    results.finish(job, _report(body))
    log.info("attempt finished", job=str(job.pk), kind=job.kind, attempt=job.attempt)
    return JsonResponse({})


def _report(body: dict[str, Any]) -> results.Report:
    try:
        facts = RunFacts.from_json(body["facts"])
        files = tuple(OutputFile(**item) for item in body.get("files", []))
        stages = {str(k): float(v) for k, v in body.get("stages", {}).items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadRequest(f"The report is malformed: {error}") from error
    return results.Report(facts=facts, files=files, stages=stages)


@_runner_view("POST")
def give_back(request: HttpRequest, job_id: uuid.UUID) -> HttpResponseBase:
    body = _body(request)
    job: Job = lease.held(job_id=job_id, token=_bearer(request), attempt=body.get("attempt"))
    lease.give_back(job, reason=str(body.get("reason", ""))[:2000], stopped=body.get("stopped") is True)
    return JsonResponse({})
