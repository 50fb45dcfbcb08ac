"""The other side of the runner protocol, for tests of the agent: a real HTTP server, honest state in memory.

It keeps the promises of docs/runner-protocol.md (a token dies at the next claim, log offsets are the site's,
one finish) and can misbehave as a network does: be away, hold an answer back, or lose it after acting on it.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from runners import usage
from runners.spec import InputFile, JobKind, JobSpec, Limits


@dataclasses.dataclass
class HeldJob:
    """A row of the stand-in's job table."""

    id: str
    pool: str
    fields: dict[str, Any]
    status: str = "QUEUED"
    attempt: int = 0
    claimed_at: float = 0.0
    token: str = ""
    cancel: bool = False
    log: bytearray = dataclasses.field(default_factory=bytearray)
    samples: list[list[Any]] = dataclasses.field(default_factory=list)
    files: dict[str, bytes] = dataclasses.field(default_factory=dict)
    finishes: list[dict[str, Any]] = dataclasses.field(default_factory=list)  # accepted ones
    give_backs: list[str] = dataclasses.field(default_factory=list)
    beats: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    @property
    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = self.finishes[0]["facts"]
        return facts

    def output(self, name: str) -> bytes:
        digest = next(file["sha256"] for file in self.finishes[0]["files"] if file["name"] == name)
        return self.files[digest]


class Answer(Exception):
    def __init__(self, status: int, body: dict[str, Any] | bytes | None = None) -> None:
        self.status, self.body = status, body


class SiteStandIn:
    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.jobs: dict[str, HeldJob] = {}
        self.blobs: dict[str, bytes] = {}
        self.pool_tokens = {"cpu": "pool-token-of-cpu", "scoring": "pool-token-of-scoring"}
        self.reports: list[dict[str, Any]] = []
        self.calls: list[tuple[str, int]] = []  # (kind, status), in the order answered
        self.protocol = 1
        self.max_attempts = 3
        self.strange_page = 0  # a status: a proxy in between answers with it, and with HTML
        self.broken: dict[str, int] = {}  # kind of call -> 5xx that it is answered with, without being heeded
        self._gates: dict[str, threading.Event] = {}
        self._arrived: defaultdict[str, threading.Event] = defaultdict(threading.Event)
        self._to_lose: defaultdict[str, int] = defaultdict(int)
        self._up = False
        self._port = 0
        self.come_back()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    # What a test does to the site

    def add_job(
        self,
        program: str,
        *,
        pool: str = "cpu",
        environment: str,
        inputs: dict[str, bytes] | None = None,
        heartbeat_s: float = 1.0,
        **limits: Any,
    ) -> HeldJob:
        files = {"/submission/main.py": program.encode()} | (inputs or {})
        refs = []
        for path, content in files.items():
            digest = hashlib.sha256(content).hexdigest()
            self.blobs[digest] = content
            refs.append(InputFile(path=path, sha256=digest, size=len(content)))
        fields = {
            "kind": JobKind.RUN,
            "environment": environment,
            "argv": ("{python}", "/submission/main.py"),
            "inputs": tuple(refs),
            "limits": Limits(**({"wall_s": 30.0, "memory_mb": 256} | limits)),
            "required_output": "submission.csv",
            "heartbeat_s": heartbeat_s,
        }
        job = HeldJob(f"job-{secrets.token_hex(4)}", pool, fields)
        with self.lock:
            self.jobs[job.id] = job
        return job

    def requeue(self, job: HeldJob) -> None:
        """What the sweep does when a lease has expired."""
        with self.lock:
            job.status = "QUEUED"

    def take_over(self, job: HeldJob) -> None:
        """Another host claims the job after its lease expired: the token of the first attempt dies."""
        with self.lock:
            job.attempt += 1
            job.token = secrets.token_hex(8)

    def hold(self, kind: str) -> Callable[[], None]:
        """Keep calls of this kind unanswered until the returned function is called."""
        gate = self._gates[kind] = threading.Event()

        def release() -> None:
            self._gates.pop(kind, None)
            gate.set()

        return release

    def wait_for_call(self, kind: str, timeout: float = 20.0) -> None:
        assert self._arrived[kind].wait(timeout), f"no {kind} call came"

    def lose_answer(self, kind: str, times: int = 1) -> None:
        """Act on the next calls of this kind, but break the connection instead of answering."""
        self._to_lose[kind] = times

    def go_away(self) -> None:
        self._up = False
        self._server.shutdown()
        self._server.server_close()

    def come_back(self) -> None:
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_any(self) -> None:
                site._handle(self)

            do_GET = do_POST = do_PUT = handle_any  # noqa: N815

            def log_message(self, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request: object, client_address: object) -> None:
                pass  # an agent that was killed in the middle of a call is what some tests are about

        self._server = Server(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        self._up = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    # What the site does

    def _handle(self, request: BaseHTTPRequestHandler) -> None:
        length = int(request.headers.get("Content-Length") or 0)
        body = request.rfile.read(length)
        if len(body) != length or not self._up:
            request.close_connection = True
            return
        parts = request.path.removeprefix("/runner/v1/").split("/")
        kind = parts[0] if parts[0] == "claim" else parts[2]
        self._arrived[kind].set()
        if gate := self._gates.get(kind):
            gate.wait(60)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            if kind in self.broken:
                raise Answer(self.broken[kind], {"detail": "Something broke."})  # noqa: TRY301 - as below
            with self.lock:
                answer = self._claim(token, body) if kind == "claim" else self._job_call(parts, token, body)
        except Answer as refused:
            answer = refused
        if self.strange_page:
            answer = Answer(self.strange_page, b"<h1>Something is wrong</h1>")
        self.calls.append((kind, answer.status))
        if not self._up or self._to_lose[kind] > 0:
            self._to_lose[kind] -= 1
            request.close_connection = True
            return
        _send(request, answer)

    def _claim(self, token: str, body: bytes) -> Answer:
        pool = next((slug for slug, known in self.pool_tokens.items() if known == token), None)
        if pool is None:
            raise Answer(401, {"detail": "This pool token is not known."})
        raw = json.loads(body)
        if raw["protocol"] != self.protocol:
            raise Answer(426, {"detail": f"This site speaks runner protocol {self.protocol}."})
        self.reports.append(raw)
        if not raw["slots"]:
            return Answer(204)
        for job in self.jobs.values():
            free = sum(device["state"] == "free" for device in raw.get("devices", ()))
            fits = job.fields["environment"] in raw["environments"] and job.fields["limits"].gpus <= free
            if job.status == "QUEUED" and job.pool == pool and fits and job.attempt < self.max_attempts:
                job.status, job.attempt, job.claimed_at = "RUNNING", job.attempt + 1, time.monotonic()
                job.token, job.log, job.samples = secrets.token_hex(16), bytearray(), []
                spec = JobSpec(job_id=job.id, attempt=job.attempt, token=job.token, **job.fields)
                return Answer(200, spec.as_json())
        return Answer(204)

    def _job_call(self, parts: list[str], token: str, body: bytes) -> Answer:
        job = self.jobs.get(parts[1])
        if job is None or token != job.token or job.status not in ("RUNNING", "CANCELLING"):
            raise Answer(409, {"detail": "This attempt is over."})
        what = parts[2]
        if what == "blobs":
            if parts[3] not in self.blobs:
                raise Answer(404, {"detail": "No such input."})
            return Answer(200, self.blobs[parts[3]])
        if what == "files":
            if hashlib.sha256(body).hexdigest() != parts[3]:
                raise Answer(422, {"detail": "The bytes do not have this hash."})
            known = parts[3] in job.files
            job.files[parts[3]] = body
            return Answer(200 if known else 201, {})
        verbs = {"heartbeat": self._heartbeat, "finish": self._finish, "give-back": self._give_back}
        return verbs[what](job, json.loads(body))

    def _heartbeat(self, job: HeldJob, raw: dict[str, Any]) -> Answer:
        data = base64.b64decode(raw["log"])
        assert len(data) <= 64 * 1024
        have = len(job.log)
        if raw["log_offset"] <= have:
            job.log += data[have - raw["log_offset"] :]
        self._keep_samples(job, raw)
        job.beats.append({"at": time.monotonic(), "have": len(job.log), "usage": raw["usage"]})
        return Answer(200, {"cancel": job.cancel, "log_offset": len(job.log), "samples": len(job.samples)})

    def _keep_samples(self, job: HeldJob, raw: dict[str, Any]) -> None:
        for point in usage.read_points(raw):
            if point.number == len(job.samples):
                job.samples.append(point.as_json())

    def _finish(self, job: HeldJob, raw: dict[str, Any]) -> Answer:
        missing = [file["name"] for file in raw["files"] if file["sha256"] not in job.files]
        if missing or raw["log_bytes"] != len(job.log):
            raise Answer(422, {"detail": f"missing files {missing}, log {raw['log_bytes']}/{len(job.log)}"})
        self._keep_samples(job, raw)
        job.finishes.append(raw)
        job.status = "FINISHED"
        return Answer(200, {})

    def _give_back(self, job: HeldJob, raw: dict[str, Any]) -> Answer:
        job.give_backs.append(raw["reason"])
        job.status = "QUEUED"
        return Answer(200, {})


def _send(request: BaseHTTPRequestHandler, answer: Answer) -> None:
    content = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
    if answer.status == 204:
        content = b""
    request.send_response(answer.status)
    if answer.status != 204:
        kind = "application/octet-stream" if isinstance(answer.body, bytes) else "application/json"
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content)
