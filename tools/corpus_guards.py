"""The guards that tools/corpus_mutations.py takes away, one at a time, and the cases that must notice.

Many are held twice on purpose (a read-only mount and a file that its reader does not own); then both layers go. A guard
whose absence could harm the machine that this runs on stays bounded by another one: a fork bomb without a limit of
processes still meets its limit of memory.
"""

from __future__ import annotations

import dataclasses

from tools.mutated_checkout import Edit

FLAGS, JAIL = "runners/sandboxes/flags.py", "runners/shim/jail.py"
COLLECT, CGROUPS = "runners/sandboxes/collect.py", "runners/sandboxes/cgroups.py"
ARCHIVES, DOCKER = "runners/archives.py", "runners/sandboxes/docker_flags.py"
SUPERVISE, VERDICT = "runners/shim/supervise.py", "runners/verdict.py"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """`cases`: beginnings of names, at least one of which must fail without the guard."""

    name: str
    edits: tuple[Edit, ...]
    cases: tuple[str, ...]
    sandbox: str = "nsjail"


# Before it takes work, the agent tries its sandbox, refuses to start where a limit does not hold, and tells the site.
# These would notice many of the guards first; here it is the corpus that is asked.
ALWAYS = (
    Edit(
        file="runners/agent/examined.py",
        old="def _check(sandbox: Sandbox) -> list[Row]:\n",
        new="def _check(sandbox: Sandbox) -> list[Row]:\n    return []\n",
    ),
)

GUARDS = (
    Guard(
        name="no network",
        edits=(Edit(file=FLAGS, old='"--iface_no_lo"', new='"--disable_clone_newnet"'),),
        cases=("26", "27"),
    ),
    Guard(
        name="system calls denied",
        edits=(Edit(file=FLAGS, old=', "--seccomp_string", SECCOMP_POLICY]', new="]"),),
        cases=("33b", "33h"),
    ),
    Guard(
        name="a user of its own",
        edits=(Edit(file=FLAGS, old="return FIRST_UID + plan.slot", new="return 0"),),
        cases=("33c",),
    ),
    Guard(
        name="inputs are read-only",
        edits=(
            Edit(
                file=FLAGS,
                old='for host, place in plan.inputs:\n        flags += ["--bindmount_ro"',
                new='for host, place in plan.inputs:\n        flags += ["--bindmount"',
            ),
            Edit(
                file="runners/agent/cache.py",
                old="os.fchmod(file.fileno(), 0o444)",
                new="os.fchmod(file.fileno(), 0o666)",
            ),
        ),
        cases=("34",),
    ),
    Guard(
        name="an environment of its own",
        edits=(
            Edit(
                file="runners/sandboxes/shims.py",
                old='env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}',
                new="env=dict(os.environ)",
            ),
            Edit(file=JAIL, old="env={},", new="env=None,"),
            Edit(
                file=FLAGS,
                old='flags = [nsjail, "--mode", "o",',
                new='flags = [nsjail, "--keep_env", "--mode", "o",',
            ),
        ),
        cases=("30",),
    ),
    Guard(
        name="labels are no input of a run",
        edits=(
            Edit(
                file="judge/specification.py",
                old="return (*files, *_program(job, job.run.submission))",
                new='return (*files, _input("/input/answers", version.solution), *_program(job, job.run.submission))',
            ),
        ),
        cases=("29",),
    ),
    Guard(
        name="links in /output are not followed",
        edits=(Edit(file=COLLECT, old="os.O_RDONLY | os.O_NOFOLLOW | ", new="os.O_RDONLY | "),),
        cases=("37c",),
    ),
    Guard(
        name="only regular files leave",  # a directory has two names, too
        edits=(
            Edit(
                file=COLLECT,
                old="if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1:",
                new="if facts.st_size < 0:",
            ),
        ),
        cases=("25d",),
    ),
    Guard(
        name="a file that leaves has one name",
        edits=(Edit(file=COLLECT, old=" or facts.st_nlink != 1:", new=":"),),
        cases=("37d",),
    ),
    Guard(
        name="output is bounded",
        edits=(Edit(file=COLLECT, old="if facts.st_size > max_bytes:", new="if facts.st_size < 0:"),),
        cases=("42a",),
    ),
    Guard(
        name="processes are bounded",
        edits=(
            Edit(
                file=CGROUPS,
                old='_write(directory / "pids.max", pids)',
                new='_write(directory / "pids.max", "max")',
            ),
        ),
        cases=("08a", "11"),
    ),
    Guard(
        name="disk is bounded",
        edits=(Edit(file="runners/shim/box.py", old='f"size={plan.limits.disk_mb}m,', new='f"size=90%,'),),
        cases=("15a", "23c"),
    ),
    Guard(
        name="inodes are bounded",
        edits=(
            Edit(
                file="runners/shim/box.py",
                old="nr_inodes={plan.limits.inodes + _OWN_INODES}",
                new="nr_inodes=0",
            ),
        ),
        cases=("24",),
    ),
    Guard(
        name="memory is counted",  # the kernel's limit, a little wider, stays
        edits=(
            Edit(file=VERDICT, old="(facts.oom_kills > 0 and failed,", new="(False,"),
            Edit(
                file=SUPERVISE,
                old="(sample.oom_kills > 0 or sample.memory > limits.memory_mb * _MIB, ",
                new="(False, ",
            ),
            Edit(file=SUPERVISE, old="if last.oom_kills and reason", new="if False and reason"),
        ),
        cases=("12", "13"),
    ),
    Guard(
        name="time is bounded",
        edits=(Edit(file=SUPERVISE, old="(wall_s >= limits.wall_s, ", new="(wall_s >= limits.wall_s + 8, "),),
        cases=("02", "05"),
    ),
    Guard(
        name="a flood of output ends a run",
        edits=(Edit(file=SUPERVISE, old="(self._drain.flooded, ", new="(False, "),),
        cases=("19",),
    ),
    Guard(
        name="logs are capped",
        edits=(
            Edit(
                file="runners/shim/drain.py",
                old="room = self.keep - self.seen",
                new="room = (4 << 20) - self.seen",
            ),
            Edit(file="judge/logs.py", old=".log_kb * 1024 + SLACK", new=".log_kb * 1024 * 1024"),
        ),
        cases=("04", "19"),
    ),
    Guard(
        name="logs are inert",
        edits=(
            Edit(
                file="judge/logs_text.py",
                old="def inert(raw: bytes) -> str:\n",
                new='def inert(raw: bytes) -> str:\n    return raw.decode("utf-8", "replace")\n',
            ),
        ),
        cases=("51",),
    ),
    Guard(
        name="a notebook's page is cleaned",
        edits=(Edit(file="judge/notebooks.py", old="return inert_html.clean(", new="return str("),),
        cases=("50",),
    ),
    Guard(
        name="scores are finite",
        edits=(
            Edit(
                file="metrics/cells.py",
                old="and _NUMBER(text):",
                new="and _NUMBER(text) or _NOT_FINITE(text.strip()):",
            ),
            Edit(file="metrics/cells.py", old="if -LARGEST <= value <= LARGEST:", new="if True:"),
            Edit(
                file="metrics/cells.py",
                old="if not value.is_integer() or abs(value) >= LARGEST_CLASS:",
                new="if not math.isfinite(value):\n            return bare\n        if not value.is_integer():",
            ),
        ),
        cases=("41",),
    ),
    Guard(
        name="submissions are their owner's",
        edits=(
            Edit(
                file="contests/access.py",
                old='return NOTHING if person is None else Q(user=person) | organises_at(person, "contest")',
                new="return EVERYTHING",
            ),
        ),
        cases=("39a",),
    ),
    Guard(
        name="a log beside hidden features stays",
        edits=(
            Edit(file="runners/agent/attempt.py", old="    if run.spec.withheld:\n", new="    if False:\n"),
            Edit(
                file="judge/logs.py",
                old="    if stages.withheld(job):\n        log.warning(",
                new="    if False:\n        log.warning(",
            ),
        ),
        cases=("62a", "62c"),
    ),
    Guard(
        name="archives hold no links",
        edits=(Edit(file=ARCHIVES, old="if kind not in _TYPES or (", new="if ("),),
        cases=("47a", "47b"),
    ),
    Guard(
        name="archives do not swell",
        edits=(
            Edit(
                file=ARCHIVES,
                old="if unpacked > max(RATIO_FROM, MAX_RATIO * packed):",
                new="if unpacked < 0:",
            ),
        ),
        cases=("46a",),
    ),
    Guard(
        name="containers have no network",
        edits=(
            Edit(file=DOCKER, old='"NetworkDisabled": True,', new='"NetworkDisabled": False,'),
            Edit(file=DOCKER, old='"NetworkMode": "none",', new='"NetworkMode": "host",'),
            Edit(file=DOCKER, old='"Hostname": "podium",', new=""),
        ),
        cases=("26", "27"),
        sandbox="docker",
    ),
    Guard(
        name="containers have a list of calls",
        edits=(
            Edit(file=DOCKER, old='f"seccomp={json.dumps(seccomp.profile())}"', new='"seccomp=unconfined"'),
        ),
        cases=("33b", "33h"),
        sandbox="docker",
    ),
    Guard(
        name="containers are read-only",
        edits=(
            Edit(file=DOCKER, old='"ReadonlyRootfs": True,', new='"ReadonlyRootfs": False,'),
            Edit(file=FLAGS, old="return FIRST_UID + plan.slot", new="return 0"),
        ),
        cases=("35",),
        sandbox="docker",
    ),
    Guard(
        name="containers have no capabilities",
        edits=(Edit(file=DOCKER, old='"CapDrop": ["ALL"],', new=""),),
        cases=("33c",),
        sandbox="docker",
    ),
    Guard(
        name="containers gain no rights",
        edits=(Edit(file=DOCKER, old='"SecurityOpt": ["no-new-privileges", ', new='"SecurityOpt": ['),),
        cases=("33c",),
        sandbox="docker",
    ),
)
