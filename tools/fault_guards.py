"""The guards that hold "never lost, counted once", and for each a test that must turn red without it.

tools/fault_mutations.py takes them away one at a time. Where two layers hold the same thing (a look under a lock and a
constraint of the database), each layer has a test of its own or both go together.
"""

from __future__ import annotations

import dataclasses

from tools.mutated_checkout import Edit

LEASE, TRANSITIONS, INTAKE = "judge/lease.py", "judge/transitions.py", "judge/intake.py"
CLAIM, FINISH, UPLOAD = (
    "tests/judge/test_claim.py",
    "tests/judge/test_finish.py",
    "tests/judge/test_intake.py",
)
GUARD, KILLED = "tests/faults/test_guards.py", "tests/runners/test_agent_killed.py"
DISK = "tests/faults/test_full_disk.py"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """`test`: a file and the name of a test in it, which passes with the guard and fails without."""

    name: str
    edits: tuple[Edit, ...]
    test: tuple[str, str]


GUARDS = (
    Guard(
        name="a claim is conditional",
        edits=(
            Edit(
                file=LEASE,
                old="pk=job.pk, status=job.status, attempt=job.attempt, lease_until=job.lease_until",
                new="pk=job.pk",
            ),
        ),
        test=(CLAIM, "test_of_eight_hosts_at_once_one_gets_the_job"),
    ),
    Guard(
        name="the token is that of this attempt",
        edits=(
            Edit(
                file=LEASE,
                old=".filter(pk=job_id, token_digest=tokens.digest(token))\n        .first()",
                new=".filter(pk=job_id).first()",
            ),
        ),
        test=(GUARD, "test_the_token_of_a_lost_attempt_opens_nothing_any_more"),
    ),
    Guard(
        name="a claim changes the token",
        edits=(
            Edit(
                file=LEASE,
                old="            token_digest=tokens.digest(token),\n            lease_until=now",
                new="            token_digest=job.token_digest or tokens.digest(token),\n            lease_until=now",
            ),
        ),
        test=(GUARD, "test_the_token_of_a_lost_attempt_opens_nothing_any_more"),
    ),
    Guard(
        name="a token ends",
        edits=(
            Edit(
                file=LEASE,
                old="    if clock.now() >= (end := token_end(job)):",
                new="    if not (end := token_end(job)):",
            ),
        ),
        test=(
            "tests/security/test_tokens.py",
            "test_a_jobs_token_ends_a_week_after_its_run_must_be_over_however_lively_its_host",
        ),
    ),
    Guard(
        name="what is leased is not claimed",
        edits=(
            Edit(
                file="judge/fairness.py",
                old="Q(lease_until__lt=now, attempt__lt",
                new="Q(attempt__lt",
            ),
        ),
        test=(CLAIM, "test_a_claimed_job_is_not_claimed_again"),
    ),
    Guard(
        name="a lease runs out",
        edits=(
            Edit(
                file=LEASE,
                old="now + datetime.timedelta(seconds=settings.PODIUM_LEASE_S),\n            host",
                new="now + datetime.timedelta(days=365),\n            host",
            ),
        ),
        test=(
            "tests/faults/test_lost_hosts.py",
            "test_what_a_lost_host_ran_is_claimed_by_another_when_its_lease_is_over",
        ),
    ),
    Guard(
        name="three attempts and no more",
        edits=(
            Edit(
                file="judge/fairness.py",
                old=', attempt__lt=settings.PODIUM_MAX_ATTEMPTS + F("pardoned"))',
                new=")",
            ),
        ),
        test=(CLAIM, "test_a_lost_last_attempt_ends_as_internal_error_after_its_grace"),
    ),
    Guard(
        name="what was given back thrice fails",
        edits=(
            Edit(
                file=LEASE, old="if job.attempt >= settings.PODIUM_MAX_ATTEMPTS + pardoned:", new="if False:"
            ),
        ),
        test=(CLAIM, "test_a_job_given_back_is_queued_again_and_fails_after_three_attempts"),
    ),
    Guard(
        name="a job rests before its host has it again",
        edits=(
            Edit(
                file=LEASE,
                old='    jobs = jobs.exclude(status=Job.Status.QUEUED, host__in=(host, ""), lease_until__gt=now)\n',
                new="",
            ),
        ),
        test=(CLAIM, "test_a_host_that_gave_a_job_back_gets_it_again_only_when_it_has_rested"),
    ),
    Guard(
        name="nobody waits behind a file that is away",
        edits=(
            Edit(file=LEASE, old="        except OSError as error:", new="        except KeyError as error:"),
        ),
        test=(CLAIM, "test_a_job_whose_file_is_away_waits_and_no_other_waits_behind_it"),
    ),
    Guard(
        name="a host without room claims nothing",
        edits=(
            Edit(
                file="runners/agent/slot.py",
                old="if no_room := _no_room(settings.agent_dir):",
                new='if no_room := "":',
            ),
        ),
        test=(DISK, "test_a_host_whose_disk_is_full_claims_nothing_until_there_is_room"),
    ),
    Guard(
        name="a full disk does not end the keeping",
        edits=(
            Edit(
                file="operations/supervisor.py",
                old="        except OSError:  # a full disk; nothing of our own hangs on the list",
                new="        except KeyError:",
            ),
        ),
        test=(DISK, "test_programs_are_kept_alive_while_the_disk_is_full_and_their_list_is_right_afterwards"),
    ),
    Guard(
        name="a run that kills its agents is given back",
        edits=(
            Edit(
                file="runners/agent/attempt.py",
                old="if (deaths := self._run.deaths()) >= MAX_DEATHS:",
                new="if (deaths := self._run.deaths()) < 0:",
            ),
        ),
        test=(KILLED, "test_a_run_over_which_one_agent_after_the_other_dies_is_given_back"),
    ),
    Guard(
        name="a job moves from the state it was read in",
        edits=(
            Edit(
                file=TRANSITIONS,
                old="Job.objects.filter(pk=job.pk, status=job.status, attempt=job.attempt).update(",
                new="Job.objects.filter(pk=job.pk).update(",
            ),
        ),
        test=(GUARD, "test_of_many_finishes_at_once_one_counts_and_the_others_are_told"),
    ),
    Guard(
        name="one score for a submission",
        edits=(
            Edit(
                file="leaderboard/migrations/0002_generations.py",
                old="fields=('submission', 'task_version', 'generation'), name='one_counted_score'",
                new="fields=('id',), name='one_counted_score'",
            ),
            Edit(
                file="leaderboard/migrations/0002_generations.py",
                old="fields=('board', 'submission', 'generation'), name='score_event_once'",
                new="fields=('id',), name='score_event_once'",
            ),
        ),
        test=(FINISH, "test_the_database_itself_refuses_to_count_a_submission_twice"),
    ),
    Guard(
        name="the sweep rings",
        edits=(
            Edit(
                file=LEASE, old="            bell.ring(pool.slug)\n", new="            log.debug(pool.slug)\n"
            ),
        ),
        test=(GUARD, "test_the_bell_rings_after_the_commit_and_the_sweep_rings_for_one_that_was_lost"),
    ),
    Guard(
        name="the sweep ends what is dead",
        edits=(
            Edit(
                file=LEASE,
                old='                _fail(job, "The lease of the last attempt ran out.")\n',
                new="                pass\n",
            ),
        ),
        test=(CLAIM, "test_a_lost_last_attempt_ends_as_internal_error_after_its_grace"),
    ),
    Guard(
        name="bytes are synced",
        edits=(Edit(file="contests/blobs.py", old="            os.fsync(file.fileno())\n", new=""),),
        test=(GUARD, "test_bytes_are_synced_under_their_name_before_a_row_names_them"),
    ),
    Guard(
        name="their name is synced",
        edits=(Edit(file="contests/stores.py", old="        os.fsync(descriptor)\n", new="        pass\n"),),
        test=(GUARD, "test_bytes_are_synced_under_their_name_before_a_row_names_them"),
    ),
    Guard(
        name="the row before the bell",
        edits=(
            Edit(
                file="judge/bell.py",
                old="    transaction.on_commit(functools.partial(ring, pool.slug))",
                new="    ring(pool.slug)",
            ),
        ),
        test=(GUARD, "test_the_bell_rings_after_the_commit_and_the_sweep_rings_for_one_that_was_lost"),
    ),
    Guard(
        name="an idempotency key is looked up first",
        edits=(
            Edit(
                file=INTAKE,
                old="    if repeated is not None:\n        return _same(",
                new="    if False:\n        return _same(",
            ),
        ),
        test=(UPLOAD, "test_the_key_still_answers_after_the_deadline_and_over_the_quota"),
    ),
    Guard(
        name="an idempotency key is there once",
        edits=(
            Edit(
                file=INTAKE,
                old="        if _repeated(user, accepted.key) is not None:",
                new="        if False:",
            ),
            Edit(
                file="contests/migrations/0001_initial.py",
                old="fields=('user', 'idempotency_key'), name='submission_idempotency_key'",
                new="fields=('id',), name='submission_idempotency_key'",
            ),
        ),
        test=(UPLOAD, "test_ten_uploads_at_once_with_one_key_are_one_submission"),
    ),
)
