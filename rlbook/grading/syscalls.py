"""The system calls that a submission may not make: a seccomp filter as the small program that the kernel runs.

An answer needs to compute, to read the libraries and to start threads. What it never needs is refused here: starting
programs, opening sockets, and the calls that sandboxes of programming contests refuse as well (compare isolate, Mareš
and Blackham 2012, *A New Contest Sandbox*): other processes' memory, keys, namespaces and mounts, the kernel's own
settings, file locks, and memory that belongs to no process and so escapes every limit.

The numbers are those of the kernel's headers (a test compares them). Calls newer than this table, the 32-bit ones of
x32 included, do not exist in the box; those of another architecture end the process.
"""

from __future__ import annotations

import errno
import platform
import struct

# name: number on x86_64, number on aarch64 (None where that architecture never had it)
REFUSED = {
    # other processes: their memory, their files
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    # starting programs (threads are told apart below)
    "fork": (57, None),
    "vfork": (58, None),
    # talking to others
    "socket": (41, 198),
    "flock": (73, 32),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # memory of no process
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "vmsplice": (278, 75),
    # work that the kernel does on its own
    "io_setup": (206, 0),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "bpf": (321, 280),
    # namespaces and mounts
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "acct": (163, 89),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    # the machine
    "reboot": (169, 142),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "syslog": (103, 116),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "personality": (135, 92),
    "vhangup": (153, 58),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
}
CLONE, CLONE3, FCNTL = (56, 220), (435, 435), (72, 25)  # judged by their arguments
NEWEST = 450  # on both architectures; what came later is refused
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # AUDIT_ARCH_... of linux/audit.h

_CLONE_THREAD = 0x10000
_LOCKS = (5, 6, 7, 36, 37, 38, 1024)  # F_GETLK, F_SETLK, F_SETLKW, the three F_OFD_... of them, F_SETLEASE

# Classic BPF (linux/bpf_common.h) and the answers of linux/seccomp.h.
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data


def seccomp_filter(machine: str | None = None) -> bytes:
    """The filter for this machine's architecture (or ``machine``), as ``bwrap --seccomp`` reads it.

    Raises ValueError on an architecture whose numbers the table does not hold.
    """
    machine = machine or platform.machine()
    if machine not in ARCHITECTURES:
        raise ValueError(f"the processor is {machine}; the sandbox knows {' and '.join(ARCHITECTURES)}")
    column = list(ARCHITECTURES).index(machine)
    refuse = _ERROR | errno.EPERM
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        *_unless(_EQUAL, ARCHITECTURES[machine], _KILL),
        (_LOAD, 0, 0, _NUMBER),
        *_if(_AT_LEAST, NEWEST + 1, _ERROR | errno.ENOSYS),
        *_if(_EQUAL, CLONE3[column], _ERROR | errno.ENOSYS),  # its flags cannot be seen here; libc goes on with clone
    ]
    for numbers in REFUSED.values():
        if numbers[column] is not None:
            program += _if(_EQUAL, numbers[column], refuse)
    thread = [(_LOAD, 0, 0, _ARGUMENTS), *_unless(_ANY_BIT, _CLONE_THREAD, refuse), (_RETURN, 0, 0, _ALLOW)]
    program += [(_EQUAL, 0, len(thread), CLONE[column]), *thread]
    locks = [(_LOAD, 0, 0, _ARGUMENTS + 8), *(step for lock in _LOCKS for step in _if(_EQUAL, lock, refuse))]
    program += [(_EQUAL, 0, len(locks), FCNTL[column]), *locks, (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *step) for step in program)


def _if(test: int, value: int, answer: int) -> list[tuple]:
    """Two steps: give ``answer`` where the loaded word passes the test, go on where it does not."""
    return [(test, 0, 1, value), (_RETURN, 0, 0, answer)]


def _unless(test: int, value: int, answer: int) -> list[tuple]:
    return [(test, 1, 0, value), (_RETURN, 0, 0, answer)]
