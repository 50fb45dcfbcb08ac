"""The system calls that a program in a container may make: everything else is refused.

Theory of operation. Docker's built-in profile is as old as the engine: that of 20.10 lets io_uring, ptrace and
AF_VSOCK through, and the last reaches other runs over the host whatever the network namespace is. So the profile is
ours, and the same on every engine: a list of what programs need, by purpose. What nsjail's filter denies
(flags.py) is not on it, which a test holds. As there, a refused call is EPERM and programs that probe for it go
on; clone3 is "not implemented", for it hides its flags and libc then uses clone; a socket of another family is
"not supported".
"""

from __future__ import annotations

from typing import Any

EPERM, ENOSYS, EAFNOSUPPORT = 1, 38, 97
_NEW_NAMESPACES = 0x7E020080  # CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET,TIME}
FAMILIES = {
    1,
    2,
    10,
    16,
}  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK (getaddrinfo asks it): of the empty namespace
_LAST_FAMILY = 45

_FILES = """
access faccessat faccessat2 open openat openat2 creat close close_range read write readv writev pread64
pwrite64 preadv pwritev preadv2 pwritev2 lseek _llseek stat lstat fstat newfstatat fstatat64 stat64 lstat64
fstat64 statx statfs fstatfs statfs64 fstatfs64 getdents getdents64 truncate ftruncate truncate64
ftruncate64 fallocate fadvise64 fadvise64_64 readahead sync fsync fdatasync syncfs sync_file_range
sync_file_range2 copy_file_range sendfile sendfile64 splice tee vmsplice dup dup2 dup3 fcntl fcntl64 ioctl
flock rename renameat renameat2 link linkat symlink symlinkat unlink unlinkat mkdir mkdirat rmdir mknod
mknodat readlink readlinkat chdir fchdir getcwd chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat
chown32 fchown32 lchown32 umask utime utimes utimensat utimensat_time64 futimesat getxattr lgetxattr
fgetxattr listxattr llistxattr flistxattr setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr
memfd_create inotify_init inotify_init1 inotify_add_watch inotify_rm_watch pipe pipe2 cachestat
"""
_WAITING = """
select _newselect pselect6 pselect6_time64 poll ppoll ppoll_time64 epoll_create epoll_create1 epoll_ctl
epoll_wait epoll_pwait epoll_pwait2 eventfd eventfd2 signalfd signalfd4 timerfd_create timerfd_settime
timerfd_settime64 timerfd_gettime timerfd_gettime64 io_setup io_submit io_getevents io_pgetevents
io_pgetevents_time64 io_cancel io_destroy futex futex_time64 futex_waitv futex_wake futex_wait futex_requeue
pause nanosleep clock_nanosleep clock_nanosleep_time64 restart_syscall
"""
_MEMORY = """
brk mmap mmap2 munmap mremap mprotect pkey_alloc pkey_free pkey_mprotect madvise mincore mlock mlock2
mlockall munlock munlockall msync membarrier remap_file_pages shmget shmat shmdt shmctl map_shadow_stack
mseal get_mempolicy set_mempolicy mbind
"""
_PROCESSES = """
fork vfork execve execveat exit exit_group wait4 waitid waitpid kill tkill tgkill pidfd_open
pidfd_send_signal getpid getppid gettid getpgid getpgrp setpgid getsid setsid set_tid_address
set_robust_list get_robust_list rseq arch_prctl prctl prlimit64 getrlimit setrlimit ugetrlimit getrusage
times getpriority setpriority ioprio_get ioprio_set sched_yield sched_getaffinity sched_setaffinity
sched_getattr sched_setattr sched_getparam sched_setparam sched_getscheduler sched_setscheduler
sched_get_priority_max sched_get_priority_min sched_rr_get_interval sched_rr_get_interval_time64 getcpu
set_thread_area get_thread_area seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self
process_mrelease
"""
_SIGNALS = """
rt_sigaction rt_sigprocmask rt_sigpending rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64
rt_sigqueueinfo rt_tgsigqueueinfo sigaltstack sigaction sigprocmask sigreturn sigsuspend sigpending alarm
getitimer setitimer timer_create timer_settime timer_settime64 timer_gettime timer_gettime64
timer_getoverrun timer_delete
"""
_IDENTITY = """
getuid geteuid getgid getegid getresuid getresgid getgroups getuid32 geteuid32 getgid32 getegid32
getresuid32 getresgid32 getgroups32 setuid setgid setreuid setregid setresuid setresgid setgroups setfsuid
setfsgid setuid32 setgid32 setreuid32 setregid32 setresuid32 setresgid32 setgroups32 setfsuid32 setfsgid32
capget capset uname sysinfo
"""
_TIME = "time gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64 getrandom"
# Of its own IPC namespace, which is empty; queues are limited to nothing.
_TALKING = """
socketpair bind listen accept accept4 connect getsockname getpeername getsockopt setsockopt shutdown send
sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64 semget semop semctl semtimedop
semtimedop_time64 msgget msgsnd msgrcv msgctl mq_open mq_unlink mq_timedsend mq_timedsend_time64
mq_timedreceive mq_timedreceive_time64 mq_notify mq_getsetattr
"""
_OF_A_MACHINE = "riscv_flush_icache cacheflush breakpoint set_tls arm_fadvise64_64 arm_sync_file_range"
ALLOWED = tuple(
    f"{_FILES} {_WAITING} {_MEMORY} {_PROCESSES} {_SIGNALS} {_IDENTITY} {_TIME} {_TALKING} {_OF_A_MACHINE}".split()
)


def profile() -> dict[str, Any]:
    """As the engine takes it in `seccomp=`; names that a machine or its libseccomp does not know are left out there."""
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": EPERM,
        "archMap": [
            # No 32-bit calls beside them: their numbers differ, and `socketcall` hides what it is asked for.
            {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": []},
            {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": []},
        ],
        "syscalls": [
            {"names": list(ALLOWED), "action": "SCMP_ACT_ALLOW"},
            _if("clone", "SCMP_CMP_MASKED_EQ", _NEW_NAMESPACES),
            {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": ENOSYS},
            *(_if("socket", "SCMP_CMP_EQ", family) for family in sorted(FAMILIES)),
            *(
                _if("socket", "SCMP_CMP_EQ", family, refused=EAFNOSUPPORT)
                for family in range(_LAST_FAMILY + 1)
                if family not in FAMILIES
            ),
            _if("socket", "SCMP_CMP_GT", _LAST_FAMILY, refused=EAFNOSUPPORT),
        ],
    }


def _if(name: str, operator: str, value: int, *, refused: int = 0) -> dict[str, Any]:
    """Allow the call, or refuse it, when its first argument compares so; one rule each, for they are alternatives."""
    argument = {"index": 0, "value": value, "op": operator}
    if operator == "SCMP_CMP_MASKED_EQ":
        argument["valueTwo"] = 0
    action = {"action": "SCMP_ACT_ERRNO", "errnoRet": refused} if refused else {"action": "SCMP_ACT_ALLOW"}
    return {"names": [name], "args": [argument], **action}
