"""What a runner host may say: everything else is answered 422 or 413 in a sentence and changes nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from compute.models import RunnerHost
from contests import blobs
from contests.models import Submission
from judge import cancel, lease, logs, runner_api, specification
from judge.models import Job, JobUpload, RunFile
from runners.spec import MAX_OUTPUT_FILES, RESULT_FILE, RESULT_MAX_BYTES, SUBMISSION_FILE, JobSpec, Limits
from runners.usage import MAX_POINTS
from tests.builders import make_contest, make_facts, make_submission, make_user, pool_token
from tests.judge.host import GOOD_RESULT, Host

pytestmark = pytest.mark.django_db
MIB = 1 << 20
DEEP = b"[" * 200_000
EVIL_TEXT = [r'"a\u0000b"', r'"\ud800"']
EVIL_NUMBER = ["NaN", "Infinity", "-Infinity", "1e999", "1" + "0" * 400, "1" + "0" * 5000]


@pytest.fixture
def submission() -> Submission:
    return make_submission(make_contest(limits=Limits(output_mb=1)), make_user())


@pytest.fixture
def spec(submission: Submission) -> JobSpec:
    return Host().must_claim()


def held(spec: JobSpec) -> Job:
    return lease.held(job_id=uuid.UUID(spec.job_id), token=spec.token)


def with_field(body: dict[str, Any], name: str, value: str) -> bytes:
    """The body as JSON, the field's value given as raw text."""
    rest = json.dumps({key: known for key, known in body.items() if key != name})
    return f'{rest[:-1]}, "{name}": {value}}}'.encode()


def refused(answer: Any, status: int = 422) -> None:
    assert answer.status_code == status, answer.content
    detail = json.loads(answer.content)["detail"]
    assert detail[-1] == ".", detail


def test_every_call_reads_its_body_strictly(spec: JobSpec) -> None:
    deep_but_readable = b'{"attempt": 1, "building": ' + b"[" * 100 + b"]" * 100 + b"}"
    for body in (b"", b"not json", b"[]", b"7", b"\xff\xfe{", DEEP, b'{"a": ' + DEEP, deep_but_readable):
        for what in ("heartbeat", "finish", "give-back"):
            refused(Host().on_job("POST", spec, what, body))
        refused(Host().call("POST", "claim", pool_token("cpu"), body))
    assert held(spec).attempt == spec.attempt


def test_a_body_that_is_too_large_is_told_so(spec: JobSpec) -> None:
    refused(Host().on_job("POST", spec, "finish", b" " * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)), 413)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("environments", value) for value in ("5", "null", '"python"', "{}", "[1]", r'["a\u0000"]')),
        *(("host", value) for value in ("null", "5", '""', "[]", *EVIL_TEXT)),
        *(("slots", value) for value in ("null", "true", '"0"', "-1", "0.0", *EVIL_NUMBER)),
        *(("building", value) for value in ("null", "[]", '{"torch": 5}', '{"torch": {"percent": "x"}}')),
        *(("building", f'{{"torch": {{"percent": {value}}}}}') for value in EVIL_NUMBER),
        *(("building", f'{{"torch": {{"step": [{value}]}}}}') for value in EVIL_NUMBER),
        *(("building", f'{{"torch": {{{value}: 1}}}}') for value in EVIL_TEXT),
        ("building", json.dumps({str(number): {} for number in range(101)})),
    ],
)
def test_a_claim_with_a_wrong_value_is_refused_and_not_kept(
    submission: Submission, name: str, value: str
) -> None:
    body = {"protocol": 1, "host": "h", "slots": 1, "environments": [], "building": {}}
    refused(Host().call("POST", "claim", pool_token("cpu"), with_field(body, name, value)))
    assert not RunnerHost.objects.exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("attempt", value) for value in ("[1]", "{}", '"1"', "true", "1.0", "null", "0", *EVIL_NUMBER)),
        *(("log_offset", value) for value in ("-1", "null", '"0"', "0.5", *EVIL_NUMBER)),
        *(("log", value) for value in ("5", "null", '"é"', '"a"', "[]", *EVIL_TEXT)),
        *(("usage", value) for value in ("null", "[]", '{"wall_s": "1"}', '{"wall_s": null}')),
        *(("usage", f'{{"memory": {value}}}') for value in EVIL_NUMBER),
    ],
)
def test_a_heartbeat_with_a_wrong_value_is_refused_and_renews_nothing(
    spec: JobSpec, name: str, value: str
) -> None:
    before = Job.objects.values().get()
    body = {"attempt": 1, "log_offset": 0, "log": "", "usage": {}}
    refused(Host().on_job("POST", spec, "heartbeat", with_field(body, name, value)))
    assert Job.objects.values().get() == before


def test_a_call_without_its_attempt_is_refused(spec: JobSpec) -> None:
    for what in ("heartbeat", "finish", "give-back"):
        refused(Host().on_job("POST", spec, what, {"facts": make_facts().as_json()}))


def test_a_heartbeat_carries_at_most_one_chunk_of_log(spec: JobSpec) -> None:
    refused(Host().heartbeat(spec, log=b"x" * (logs.MAX_CHUNK + 1)))
    assert Job.objects.get().log_bytes == 0
    assert Host().heartbeat(spec, log=b"x" * logs.MAX_CHUNK).status_code == 200
    assert Job.objects.get().log_bytes == logs.MAX_CHUNK


def test_a_cancelled_attempt_hears_it_at_its_next_heartbeat(submission: Submission, spec: JobSpec) -> None:
    cancel.cancel(submission)
    answer = Host().heartbeat(spec, offset=7)
    assert json.loads(answer.content) == {"cancel": True, "log_offset": 7, "samples": MAX_POINTS}


WRONG_FACTS = [
    *(("wall_s", value) for value in ('"1"', "-1", "null", *EVIL_NUMBER)),
    *(("oom_kills", value) for value in ('"x"', "1.5", "true", *EVIL_NUMBER)),
    *(("exit_code", value) for value in ('"0"', "true", "-1", "256", "[0]")),
    *(("sandbox", value) for value in ("5", *EVIL_TEXT)),
]
WRONG_NAMES = ["null", "[]", '""', '"../../x"', r'"a\u0000\nb"', r'"a\nb"', '"a/b"', '".."', '"x y"', '"é"']


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("facts", value) for value in ("null", "[]", "{}", '"x"')),
        *(("facts", with_field(make_facts().as_json(), *wrong).decode()) for wrong in WRONG_FACTS),
        *(("stages", value) for value in ("null", "[]", '{"run_ms": "inf"}', '{"run_ms": true}')),
        *(("stages", f'{{"run_ms": {value}}}') for value in EVIL_NUMBER),
        ("stages", json.dumps({str(number): 1 for number in range(21)})),
        *(("log_bytes", value) for value in ('"1"', "null", "-1", *EVIL_NUMBER)),
        *(("files", value) for value in ("null", "{}", "[null]", '["submission.csv"]', "[{}]")),
    ],
)
def test_a_finish_with_a_wrong_value_is_refused_and_can_be_repeated(
    spec: JobSpec, name: str, value: str
) -> None:
    body = {"attempt": 1, "facts": make_facts().as_json(), "files": [], "log_bytes": 0, "stages": {}}
    refused(Host().on_job("POST", spec, "finish", with_field(body, name, value)))
    assert Job.objects.get().status == "RUNNING"
    assert Host().run_well(spec).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        *(f'"name": {name}' for name in WRONG_NAMES),
        *(f'"sha256": {digest}' for digest in ("[]", "null", '"../../x"', '"0"')),
        *(f'"size": {size}' for size in ("null", '"3"', "-1", "1.0", *EVIL_NUMBER)),
    ],
)
def test_a_file_that_could_never_have_left_a_sandbox_is_refused(spec: JobSpec, changes: str) -> None:
    digest = Host().upload(spec, b"abc")
    file = f'{{"name": "x", "sha256": "{digest}", "size": 3, {changes}}}'  # the last of two counts
    body = {"attempt": 1, "facts": make_facts().as_json()}
    refused(Host().on_job("POST", spec, "finish", with_field(body, "files", f"[{file}]")))
    assert not RunFile.objects.exists()


def test_a_finish_names_at_most_as_many_files_as_leave_a_sandbox_and_each_once(spec: JobSpec) -> None:
    digest = Host().upload(spec, b"abc")
    named = [{"name": f"f{number}", "sha256": digest, "size": 3} for number in range(MAX_OUTPUT_FILES + 1)]
    body = {"attempt": 1, "facts": make_facts(exit_code=1).as_json()}
    refused(Host().on_job("POST", spec, "finish", body | {"files": named}))
    refused(Host().on_job("POST", spec, "finish", body | {"files": [named[0], named[0]]}))
    assert Host().on_job("POST", spec, "finish", body | {"files": named[1:]}).status_code == 200
    assert RunFile.objects.count() == MAX_OUTPUT_FILES


def put(spec: JobSpec, content: bytes) -> Any:
    return Host().on_job("PUT", spec, f"files/{hashlib.sha256(content).hexdigest()}", content)


def test_one_file_beyond_the_output_limit_is_refused_and_not_kept(spec: JobSpec) -> None:
    assert spec.limits.output_mb == 1
    content = b"x" * (MIB + 1)
    refused(put(spec, content), 413)
    assert not blobs.path_of(hashlib.sha256(content).hexdigest()).exists()
    assert put(spec, content[1:]).status_code == 201


def test_the_files_of_an_attempt_share_its_output_limit(spec: JobSpec) -> None:
    assert put(spec, b"a" * (MIB - 10)).status_code == 201
    refused(put(spec, b"b" * 11), 413)
    assert put(spec, b"a" * (MIB - 10)).status_code == 201  # sent again after a lost answer
    assert put(spec, b"b" * 10).status_code == 201
    refused(put(spec, b"c"), 413)
    assert JobUpload.objects.count() == 2


def test_two_uploads_at_once_share_the_output_limit_too(
    spec: JobSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = blobs.write

    def overtaken(*args: Any, **kwargs: Any) -> tuple[str, int]:
        """While these bytes arrive, another upload of the same attempt does so from start to end."""
        monkeypatch.setattr(blobs, "write", real)
        assert put(spec, b"a" * MIB).status_code == 201
        return real(*args, **kwargs)

    monkeypatch.setattr(blobs, "write", overtaken)
    refused(put(spec, b"b" * MIB), 413)
    assert JobUpload.objects.count() == 1


def test_a_new_attempt_has_the_whole_output_limit_again(spec: JobSpec) -> None:
    put(spec, b"a" * MIB)
    Host().on_job("POST", spec, "give-back", {"attempt": 1, "reason": "test"})
    assert put(Host(name="host-2").must_claim(), b"b" * MIB).status_code == 201


def test_an_attempt_sends_at_most_as_many_files_as_leave_a_sandbox(spec: JobSpec) -> None:
    for number in range(MAX_OUTPUT_FILES):
        assert put(spec, b"%d" % number).status_code == 201
    refused(put(spec, b"one more"), 413)
    assert put(spec, b"0").status_code == 201


def test_bytes_that_are_not_those_announced_are_not_kept(spec: JobSpec) -> None:
    content = b"other bytes"
    refused(Host().on_job("PUT", spec, f"files/{'0' * 64}", content))
    assert not blobs.path_of(hashlib.sha256(content).hexdigest()).exists()
    assert not list(Path(settings.PODIUM_BLOBS).glob("incoming-*"))
    assert not JobUpload.objects.exists()


def test_what_an_older_attempt_sent_does_not_count_for_the_next(spec: JobSpec) -> None:
    digest = Host().upload(spec, b"id,target\n3,1\n4,1\n")
    Host().on_job("POST", spec, "give-back", {"attempt": 1, "reason": "test"})
    again = Host(name="host-2").must_claim()
    named = [{"name": SUBMISSION_FILE, "sha256": digest, "size": 18}]
    body = {"attempt": again.attempt, "facts": make_facts().as_json(), "files": named}
    answer = Host().on_job("POST", again, "finish", body)
    assert answer.status_code == 422
    assert b"never sent" in answer.content


def test_a_result_that_is_too_large_is_not_read(submission: Submission, spec: JobSpec) -> None:
    Host().run_well(spec)
    small = json.dumps(GOOD_RESULT).encode()
    padded = small + b" " * (RESULT_MAX_BYTES + 1 - len(small))
    scoring = Host().must_claim("scoring")
    assert scoring.limits == specification.SCORING_LIMITS
    assert Host().finish(scoring, files={RESULT_FILE: padded}).status_code == 200
    assert Job.objects.get(kind="score").status == "QUEUED"
    scoring = Host(name="host-2").must_claim("scoring")
    assert Host().finish(scoring, files={RESULT_FILE: padded[:-1]}).status_code == 200
    submission.refresh_from_db()
    assert submission.verdict == "SCORED"


@pytest.mark.parametrize("changes", [{"attempt": 2}, {"status": "FINISHED"}])
def test_log_of_an_attempt_that_has_ended_meanwhile_is_stale(spec: JobSpec, changes: dict[str, Any]) -> None:
    job = held(spec)
    Job.objects.update(**changes)
    with pytest.raises(lease.Stale):
        logs.append(job, offset=0, data=b"late")
    assert Job.objects.get().log_bytes == 0


@pytest.mark.parametrize("changes", [{"attempt": 2}, {"status": "CANCELLED"}])
def test_a_give_back_that_lost_the_race_after_its_check_is_stale(
    spec: JobSpec, changes: dict[str, Any]
) -> None:
    job = held(spec)
    Job.objects.update(**changes)
    with pytest.raises(lease.Stale):
        lease.give_back(job, reason="too late")
    assert Job.objects.get().error == ""


def test_a_token_dies_with_the_give_back(submission: Submission, spec: JobSpec) -> None:
    Host().on_job("POST", spec, "give-back", {"attempt": 1, "reason": "test"})
    cancel.cancel(submission)
    assert Host().heartbeat(spec).status_code == 409  # "cancel" is for the holder alone


def test_a_claim_takes_no_job_whose_agent_came_back_meanwhile(
    spec: JobSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    Job.objects.update(lease_until="2001-01-01T00:00:00Z")
    real, beats = specification.prepare, []

    def beaten(job: Job) -> None:
        """The other claim stands between its reading and its UPDATE when the heartbeat comes."""
        beats.append(Host().heartbeat(spec).status_code)
        real(job)

    monkeypatch.setattr(specification, "prepare", beaten)
    assert Host(name="host-2").claim() is None
    assert beats == [200]
    assert Host().heartbeat(spec).status_code == 200


@pytest.mark.parametrize(("name", "value"), [("reason", "5"), ("reason", EVIL_TEXT[0]), ("stopped", '"no"')])
def test_a_give_back_with_a_wrong_value_is_refused(spec: JobSpec, name: str, value: str) -> None:
    body = {"attempt": 1, "reason": "r", "stopped": False}
    refused(Host().on_job("POST", spec, "give-back", with_field(body, name, value)))
    assert Job.objects.get().status == "RUNNING"


def test_a_host_that_is_stopped_for_ever_is_not_pardoned_for_ever(spec: JobSpec) -> None:
    body = {"attempt": 1, "reason": "the agent was stopped", "stopped": True}
    Job.objects.update(pardoned=runner_api.MAX_PARDONED - 1)
    assert Host().on_job("POST", spec, "give-back", body).status_code == 200
    assert Job.objects.get().pardoned == runner_api.MAX_PARDONED
    again = Host().must_claim()
    assert Host().on_job("POST", again, "give-back", body | {"attempt": 2}).status_code == 200
    assert Job.objects.get().pardoned == runner_api.MAX_PARDONED


def test_usage_is_kept_as_numbers_and_unknown_figures_are_left_out(spec: JobSpec) -> None:
    log = base64.b64encode(b"hi").decode()
    body = {"attempt": 1, "log_offset": 0, "log": log, "usage": {"wall_s": 2, "colour": "red"}}
    assert Host().on_job("POST", spec, "heartbeat", body).status_code == 200
    assert Job.objects.get().usage == {"wall_s": 2.0}
