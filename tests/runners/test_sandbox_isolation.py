"""What a program cannot reach: labels, other files, names of the host, the network, the kernel's dangerous calls."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from runners.sandboxes import flags
from runners.sandboxes.choice import Sandbox
from tests.runners.sandbox_stage import AS_ROOT, SLOT, WRITE_OUTPUT, SandboxStage, everywhere

pytestmark = pytest.mark.sandbox
_CANARY = "label-canary-51c9"
_ENVIRONMENT = {
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "PYTHONUNBUFFERED",
    "PYTHONDONTWRITEBYTECODE",
    "MPLBACKEND",
    "LC_CTYPE",  # Python itself sets it under some locales
}


def _facts_from(sandbox: SandboxStage, program: str, **options: object) -> dict[str, object]:
    """Run a program that prints one line of JSON."""
    result = sandbox.run(program, **options)
    found: dict[str, object] = json.loads(result.log)
    return found


@everywhere
def test_only_the_allow_list_is_in_the_environment(
    sandbox: SandboxStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODIUM_SECRET_KEY", _CANARY)
    monkeypatch.setenv("HTTP_PROXY", _CANARY)
    result = sandbox.run(
        """
        import json, os, glob
        seen = b"".join(open(path, "rb").read() for path in glob.glob("/proc/[0-9]*/environ"))
        print(json.dumps({"names": sorted(os.environ), "all": seen.decode()}))
        """
    )
    assert set(json.loads(result.log)["names"]) <= _ENVIRONMENT
    assert _CANARY.encode() not in result.log


@everywhere
def test_labels_and_the_hosts_state_are_found_nowhere(sandbox: SandboxStage, tmp_path: Path) -> None:
    """Labels lie beside the run directory, as in the agent's cache: walk everything, read everything small."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "solution.csv").write_text(_CANARY)
    (tmp_path / "solution.csv").write_text(_CANARY)
    train = tmp_path / "cache" / "train.csv"
    train.write_text("id\n")
    train.chmod(0o444)
    libraries = ("/usr", "/proc/sys", *flags.interpreter_directories(sandbox.environment))
    # Names everywhere; contents wherever something of this run or of the host's state could lie.
    result = sandbox.run(
        f"""
import os, stat
canary = {_CANARY[::-1]!r}[::-1].encode()
hits, read = [], 0
for top, directories, names in os.walk("/"):
    if top.startswith("/proc/"):
        directories[:] = [name for name in directories if name not in ("task", "fd", "map_files")]
    for name in names:
        path = os.path.join(top, name)
        if name in ("solution.csv", "sandbox.json", "shim.json", "facts.json", "lock") and "/dpkg/" not in path:
            hits.append(path)
        if top.startswith({libraries!r}) or name in ("kmsg", "kcore", "pagemap", "mem"):
            continue
        try:
            if stat.S_ISREG(os.lstat(path).st_mode):
                with open(path, "rb") as file:
                    read += 1
                    if canary in file.read(1 << 16): hits.append(path)
        except OSError:
            pass
print(read > 50, hits)
{WRITE_OUTPUT}
""",
        inputs=[(train, "/input/train.csv")],
        wall_s=80,  # a walk over all files takes 10 to 30 s in gVisor
        cpu_s=80,
    )
    assert result.log == b"True []\n", result.log
    assert result.verdict is None


@pytest.mark.parametrize("sandbox", [Sandbox.NSJAIL], indirect=True)
def test_the_root_holds_what_the_contract_says(sandbox: SandboxStage) -> None:
    found = _facts_from(
        sandbox,
        """
        import json, os
        places = ("/", "/dev", "/etc", "/input", "/submission")
        print(json.dumps({place: sorted(os.listdir(place)) for place in places}))
        """,
    )
    allowed = {"bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "etc", "dev", "proc", "env", "input"}
    allowed |= {"output", "tmp", "submission", "kaggle"}
    allowed |= {Path(place).parts[1] for place in flags.interpreter_directories(sandbox.environment)}
    assert set(found["/"]) <= allowed  # type: ignore[call-overload]  # JSON
    devices = ["fd", "full", "null", "random", "shm", "stderr", "stdin", "stdout", "urandom", "zero"]
    assert found["/dev"] == devices
    assert set(found["/etc"]) <= {"alternatives", "group", "hosts", "ld.so.cache", "nsswitch.conf", "passwd"}  # type: ignore[call-overload]  # JSON
    assert found["/input"] == []
    assert found["/submission"] == ["main.py"]


@pytest.mark.parametrize("sandbox", [Sandbox.DOCKER], indirect=True)
def test_an_image_gets_no_device_and_no_file_of_the_host(sandbox: SandboxStage) -> None:
    found = _facts_from(
        sandbox,
        """
        import json, os
        places = ("/dev", "/input", "/submission", "/sys", "/proc/scsi", "/run")
        seen = {place: sorted(os.listdir(place)) for place in places if os.path.isdir(place)}
        seen["full"] = open("/proc/keys").read() + open("/proc/interrupts").read() + open("/proc/timer_list").read()
        seen["hostname"] = open("/etc/hostname").read()
        print(json.dumps(seen))
        """,
    )
    terminals = {"console", "ptmx", "pts", "tty", "mqueue", "core"}  # of its own, which it has no use for
    plain = {"fd", "full", "null", "random", "shm", "stderr", "stdin", "stdout", "urandom", "zero"}
    assert plain <= set(found["/dev"]) <= plain | terminals  # type: ignore[call-overload]  # JSON
    assert (found["/input"], found["/submission"]) == ([], ["main.py"])
    assert found["/sys"] == []
    assert found["full"] == ""
    assert found["hostname"] == "podium\n"
    assert set(found["/run"]) <= {"lock", "mount", "docker", "systemd"}  # type: ignore[call-overload]  # the image's own


def test_packages_of_the_hosts_own_interpreter_are_not_there(sandbox: SandboxStage) -> None:
    found = _facts_from(
        sandbox,
        """
        import glob, json, sys
        places = [path for prefix in {sys.base_prefix, "/usr", "/usr/local"} for kind in ("site", "dist")
                  for path in glob.glob(f"{prefix}/lib/python3*/{kind}-packages")]
        print(json.dumps({"entries": [entry for place in places for entry in glob.glob(place + "/*")]}))
        """,
    )
    assert found == {"entries": []}


def test_a_program_has_no_rights_and_sees_no_process_but_its_own(sandbox: SandboxStage) -> None:
    found = _facts_from(
        sandbox,
        """
        import json, os
        status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
        print(json.dumps({
            "ids": os.getresuid() + os.getresgid(), "groups": os.getgroups(),
            "pids": [name for name in os.listdir("/proc") if name.isdigit()], "own": str(os.getpid()),
            "caps": [status[name].strip() for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")],
            "privs": status["NoNewPrivs"].strip(), "seccomp": status["Seccomp"].strip(),
            "cgroup": open("/proc/self/cgroup").read(), "descriptors": len(os.listdir("/proc/self/fd")),
        }))
        """,
    )
    uid = flags.FIRST_UID + SLOT if AS_ROOT else flags.INSIDE_UID
    assert found["ids"] == [uid] * 6
    assert found["groups"] in ([], [uid], [uid, 65534])
    assert set(found["pids"]) == {"1", found["own"]}  # type: ignore[call-overload]  # a container has its own init
    assert set(found["caps"]) == {"0000000000000000"}  # type: ignore[call-overload]  # JSON
    assert (found["privs"], found["seccomp"]) == ("1", "2")
    assert found["descriptors"] == 4  # 0, 1, 2 and the listing itself
    assert "podium" not in str(found["cgroup"])


@everywhere
def test_nothing_outside_the_writable_places_can_be_written(sandbox: SandboxStage, tmp_path: Path) -> None:
    train = tmp_path / "train.csv"
    train.write_text("id\n")
    train.chmod(0o666)  # only the mount protects it
    written = _facts_from(
        sandbox,
        """
        import json, os
        written = []
        tops = ("/", "/usr", "/env", "/env/bin", "/etc", "/dev", "/input", "/submission", "/proc", "/proc/sys/kernel")
        for top in tops:
            try:
                with open(os.path.join(top, "planted"), "w"): written.append(top)
            except OSError: pass
        paths = ("/input/train.csv", "/submission/main.py", "/etc/passwd", "/env/pyvenv.cfg")
        for path in paths:
            for attempt in (lambda: open(path, "a"), lambda: os.remove(path), lambda: os.chmod(path, 0o777)):
                try: attempt()
                except OSError: pass
                else: written.append(path)
        for place in ("/output", "/tmp", "/dev/shm"): open(place + "/x", "w")
        print(json.dumps({"written": written}))
        """,
        inputs=[(train, "/input/train.csv")],
    )
    assert written == {"written": []}
    assert train.read_text() == "id\n"


@everywhere
def test_there_is_no_network(sandbox: SandboxStage) -> None:
    """Only an empty namespace: no interface, no route, no name service, nobody on the host's loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = _facts_from(
            sandbox,
            f"""
import json, socket
def reach(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.settimeout(1)
        try: s.connect(address)
        except OSError as error: return error.errno
    return 0
def name():
    try: return socket.getaddrinfo("podium.example", 80) and "resolved"
    except OSError: return "unknown"
print(json.dumps({{
    "public": reach(socket.AF_INET, ("192.0.2.1", 80)),
    "metadata": reach(socket.AF_INET, ("169.254.169.254", 80)),
    "host": reach(socket.AF_INET, ("127.0.0.1", {port})),
    "v6": reach(socket.AF_INET6, ("2001:db8::1", 80)),
    "name": name(),
    "interfaces": [n for _, n in socket.if_nameindex() if n != "lo"],
}}))
""",
        )
    assert found["interfaces"] == []
    assert found["name"] == "unknown"
    assert all(found[target] != 0 for target in ("public", "metadata", "host", "v6"))


_CALLS = {  # x86-64 and arm64 share these numbers for newer calls only, so they are asked for by name where libc has it
    "unshare": "libc.unshare(0x10000000)",
    "setns": "libc.setns(0, 0)",
    "mount": "libc.mount(b'none', b'/tmp', b'tmpfs', 0, 0)",
    "umount": "libc.umount2(b'/tmp', 2)",
    "pivot_root": "libc.syscall(155, b'/tmp', b'/tmp')",
    "chroot": "libc.chroot(b'/tmp')",
    "ptrace": "libc.ptrace(0, 0, 0, 0)",
    "keyctl": "libc.syscall(250, 0, -3, 0)",
    "add_key": "libc.syscall(248, b'user', b'x', b'y', 1, -3)",
    "bpf": "libc.syscall(321, 0, 0, 0)",
    "perf_event_open": "libc.syscall(298, 0, 0, -1, -1, 0)",
    "userfaultfd": "libc.syscall(323, 0)",
    "io_uring_setup": "libc.syscall(425, 1, 0)",
    "process_vm_readv": "libc.process_vm_readv(1, 0, 0, 0, 0, 0)",
    "clone into a user namespace": "libc.syscall(56, 0x10000011, 0, 0, 0, 0)",
    "reboot": "libc.syscall(169, 0, 0, 0, 0)",
    "personality": "libc.personality(0xffffffff)",
}


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="system call numbers of x86-64")
def test_dangerous_calls_are_refused(sandbox: SandboxStage) -> None:
    probes = ", ".join(f"{name!r}: lambda: {call}" for name, call in _CALLS.items())
    found = _facts_from(
        sandbox,
        f"""
import ctypes, json
libc = ctypes.CDLL(None, use_errno=True)
def errno_of(call):
    ctypes.set_errno(0)
    return ctypes.get_errno() if call() == -1 else 0
probes = {{{probes}}}
found = {{name: errno_of(call) for name, call in probes.items()}}
found["clone3"] = errno_of(lambda: libc.syscall(435, 0, 0))
found["vsock"] = errno_of(lambda: libc.socket(40, 1, 0))
found["packet"] = errno_of(lambda: libc.socket(17, 3, 0))
print(json.dumps(found))
""",
    )
    assert {name: found[name] for name in _CALLS} == dict.fromkeys(_CALLS, 1)
    assert (found["clone3"], found["vsock"], found["packet"]) == (38, 97, 97)


def test_signals_reach_nobody_outside(sandbox: SandboxStage) -> None:
    """It kills and stops its parent, its group, pid 1 and everybody; the shim reports as ever."""
    result = sandbox.run(
        f"""
import os, signal
own = {{os.getpid(), os.getpgid(0)}} - {{1}}  # in a container it is not the first process and can stop itself
for target in {{os.getppid(), 0 if not own else 1, 1, -1, *range(2, 300)}} - own:
    for number in (signal.SIGSTOP, signal.SIGKILL):
        try: os.kill(target, number)
        except OSError: pass
print("done")
{WRITE_OUTPUT}
"""
    )
    assert result.log == b"done\n"
    assert result.verdict is None
