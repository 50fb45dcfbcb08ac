"""What runner hosts say to the site and hear from it (docs/runner-protocol.md). JSON over HTTP, bearer tokens.

A pool token may only claim. A job token is good for one attempt, and not for ever (lease.token_end): for the inputs of
its job, its log, its outputs and its one finish. A stale token is answered 409 and changes nothing.
"""

from __future__ import annotations

import base64
import functools
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from django.core.exceptions import RequestDataTooBig
from django.db import transaction
from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from compute import installing, pools
from contests import blobs, downloads
from contests.models import Blob
from judge import bell, host_reports, lease, logs, results, specification, transitions, usage
from judge.models import Job, JobUpload
from runners import wire
from runners.spec import MAX_OUTPUT_FILES, PROTOCOL_VERSION, OutputFile
from runners.usage import MAX_POINTS, read_points
from runners.verdict import RunFacts

log = structlog.get_logger(__name__)
View = Callable[..., HttpResponseBase]
USAGE_FIELDS = ("wall_s", "cpu_s", "memory", "disk")
UNKNOWN_POOL = "This pool token is not known. Open the pool again and give its hosts the new token."
MAX_STAGES = 20
MAX_ATTEMPT = 32_767  # what the column holds
# "The agent was stopped" costs a job no attempt, so a host that says it for ever would keep a job for ever.
MAX_PARDONED = 100


class TooMuch(Exception):
    """More than this attempt may send; the message says what."""


def _problem(detail: str, status: int) -> JsonResponse:
    return JsonResponse({"detail": detail}, status=status)


def _bearer(request: HttpRequest) -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _body(request: HttpRequest) -> dict[str, Any]:
    """The JSON object that was sent, free of what no database keeps. Raises wire.Malformed, TooMuch."""
    try:
        return wire.read_object(request.body)
    except RequestDataTooBig as error:
        raise TooMuch("The body is too large.") from error


def _runner_view(method: str) -> Callable[[View], View]:
    """Errors as JSON, no CSRF: runners have no cookies."""

    def wrap(view: View) -> View:
        @csrf_exempt
        @require_http_methods([method])
        @functools.wraps(view)
        def answered(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
            try:
                return view(request, **kwargs)
            except lease.Expired as error:
                ended = error.ended.isoformat(timespec="seconds")
                return _problem(f"The time of this attempt's token was over at {ended}; drop it.", 409)
            except lease.Stale:
                return _problem("This attempt has ended or was taken over; drop it.", 409)
            except TooMuch as error:
                return _problem(str(error), 413)
            except (wire.Malformed, results.Malformed) as error:
                return _problem(str(error), 422)

        return answered

    return wrap


@_runner_view("POST")
def pool(request: HttpRequest) -> HttpResponseBase:
    """For a host that was given a token and nothing else: which pool it is of, before anything is built there."""
    found = pools.pool_of(_bearer(request))
    if found is None:
        return _problem(UNKNOWN_POOL, 401)
    if (stranger := _other_version(request, _body(request))) is not None:
        return stranger
    return JsonResponse({"pool": found.slug, "trusted": found.trusted})


@_runner_view("POST")
def claim(request: HttpRequest) -> HttpResponseBase:
    pool = pools.pool_of(_bearer(request))
    if pool is None:
        return _problem(UNKNOWN_POOL, 401)
    body = _body(request)
    if (stranger := _other_version(request, body)) is not None:
        return stranger
    report = host_reports.read(body)
    slots = wire.whole(body, "slots", default=1)
    pools.report(
        pool=pool,
        host=report.host,
        environments=report.environments,
        building=report.building,
        sandbox=report.sandbox,
        preflight=report.preflight,
        devices=report.devices,
    )
    if slots == 0:
        return HttpResponse(status=204)
    if refusal := host_reports.refusal(report):
        return _problem(refusal, 422)
    spec = lease.claim(
        pool=pool,
        host=report.host,
        environments=report.environments,
        free=report.free,
        usable=report.usable,
    )
    return HttpResponse(status=204) if spec is None else JsonResponse(spec.as_json())


def _other_version(request: HttpRequest, body: dict[str, Any]) -> JsonResponse | None:
    """How a host of another version is told what to install. One run from a checkout names no version."""
    told = wire.text(body, "version", most=200, default="")
    ours = installing.runner().version
    if body.get("protocol") != PROTOCOL_VERSION:
        detail = f"This site speaks runner protocol {PROTOCOL_VERSION}; update the runner."
    elif told and told != ours:
        detail = (
            f"This site's runner is {ours}, this is {told}. Install the site's: {installing.command(request)}"
        )
    else:
        return None
    return JsonResponse({"detail": detail, "requirement": installing.requirement(request)}, status=426)


@_runner_view("POST")
def bell_address(request: HttpRequest) -> HttpResponseBase:
    """Where this pool's bell is heard by a host that is not on our broker."""
    pool = pools.pool_of(_bearer(request))
    if pool is None:
        return _problem(UNKNOWN_POOL, 401)
    return JsonResponse({"address": bell.address(pool.slug)})


@_runner_view("POST")
def heartbeat(request: HttpRequest, job_id: uuid.UUID) -> HttpResponseBase:
    body, token = _body(request), _bearer(request)
    attempt, offset, data = _attempt(body), wire.whole(body, "log_offset", default=0), _log(body)
    used, points = _usage(body), read_points(body)
    if lease.was_cancelled(job_id=job_id, token=token):
        return JsonResponse({"cancel": True, "log_offset": offset, "samples": MAX_POINTS})
    job = lease.held(job_id=job_id, token=token, attempt=attempt)
    with transaction.atomic():  # one write to the disk, whatever it carried
        lease.extend(job, usage=used)
        samples = usage.append(job, points)
        have = logs.append(job, offset=offset, data=data) if data else job.log_bytes
    return JsonResponse({"cancel": False, "log_offset": have, "samples": samples})


def _attempt(body: dict[str, Any]) -> int:
    return wire.whole(body, "attempt", least=1, most=MAX_ATTEMPT)


def _log(body: dict[str, Any]) -> bytes:
    encoded = wire.text(body, "log", most=2 * logs.MAX_CHUNK, default="")
    try:
        data = base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise wire.Malformed("log must be base64.") from error
    if len(data) > logs.MAX_CHUNK:
        raise wire.Malformed(f"log must hold at most {logs.MAX_CHUNK} bytes a call.")
    return data


def _usage(body: dict[str, Any]) -> dict[str, float]:
    raw = wire.mapping(body, "usage", most=100)
    return {name: wire.number(raw, name, most=wire.MAX_WHOLE) for name in USAGE_FIELDS if name in raw}


@_runner_view("GET")
def blob(request: HttpRequest, job_id: uuid.UUID, sha256: str) -> HttpResponseBase:
    job = lease.held(job_id=job_id, token=_bearer(request))
    if sha256 not in specification.input_digests(job):
        return _problem("This file is not an input of this job.", 404)
    try:
        return downloads.attachment(request, Blob.objects.get(pk=sha256), sha256)
    except FileNotFoundError:
        # No 5xx: agents wait for a site that fails, with the slot, for as long as their token lasts.
        log.exception("an input of a job is missing", job=str(job.pk), sha256=sha256)
        return _problem("This input of the job is missing on the site.", 404)


@_runner_view("PUT")
def upload(request: HttpRequest, job_id: uuid.UUID, sha256: str) -> HttpResponseBase:
    job = lease.held(job_id=job_id, token=_bearer(request))
    left = _room(job, sha256)
    try:
        pieces = iter(lambda: request.read(blobs.CHUNK), b"")
        written, size = blobs.write(pieces, max_bytes=left, expected=sha256)
    except blobs.TooLarge as error:
        raise TooMuch(f"Of this job's output limit only {left} bytes are left.") from error
    except blobs.WrongDigest:
        return _problem("The bytes do not have the announced SHA-256; send them again.", 422)
    with transaction.atomic():
        transitions.lock(job)  # two uploads at once see each other here
        if size > _room(job, sha256):
            raise TooMuch("The files of this attempt are together larger than its output limit.")
        results.keep_upload(job, written, size)
    return JsonResponse({"sha256": written, "size": size}, status=201)


def _room(job: Job, sha256: str) -> int:
    """How many bytes this attempt may still send, a repeated file not counted twice. Raises TooMuch."""
    others: QuerySet[JobUpload] = JobUpload.objects.filter(job=job, attempt=job.attempt)
    sent = others.exclude(blob_id=sha256).aggregate(files=Count("pk"), size=Sum("blob__size"))
    if sent["files"] >= MAX_OUTPUT_FILES:
        raise TooMuch(f"An attempt may send at most {MAX_OUTPUT_FILES} files.")
    limit: int = specification.limits_of(job).output_mb << 20
    return max(0, limit - (sent["size"] or 0))


@_runner_view("POST")
def finish(request: HttpRequest, job_id: uuid.UUID) -> HttpResponseBase:
    body = _body(request)
    job = lease.held(job_id=job_id, token=_bearer(request), attempt=_attempt(body))
    results.finish(job, _report(body))
    log.info("attempt finished", kind=job.kind)
    return JsonResponse({})


def _report(body: dict[str, Any]) -> results.Report:
    facts = RunFacts.from_json(body.get("facts"))
    files = tuple(OutputFile.from_json(item) for item in wire.listed(body, "files", most=MAX_OUTPUT_FILES))
    if len({file.name for file in files}) < len(files):
        raise wire.Malformed("files names one file twice.")
    wire.whole(body, "log_bytes", default=0)
    raw = wire.mapping(body, "stages", most=MAX_STAGES)
    stages = {name[:40]: wire.number(raw, name, most=wire.MAX_SECONDS * 1000) for name in raw}
    return results.Report(facts=facts, files=files, stages=stages, samples=tuple(read_points(body)))


@_runner_view("POST")
def give_back(request: HttpRequest, job_id: uuid.UUID) -> HttpResponseBase:
    body = _body(request)
    reason = wire.text(body, "reason", most=100_000, default="")[:2000]
    stopped = wire.flag(body, "stopped")
    job = lease.held(job_id=job_id, token=_bearer(request), attempt=_attempt(body))
    lease.give_back(job, reason=reason, stopped=stopped and job.pardoned < MAX_PARDONED)
    return JsonResponse({})
