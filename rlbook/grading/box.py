"""A sealed box for code that nobody has read: bubblewrap, a filter of system calls, limits, and a watchdog.

Inside there is Python with the packages of this environment, read-only, some megabytes of disk, and one socket to the
grader. There is no network, no other process, no other file, and nothing to start one with. All of it ends with its
parent.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import site
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from rlbook.grading.library import ROOT
from rlbook.grading.syscalls import seccomp_filter
from rlbook.grading.wire import Channel, Late, WireError

MIB = 1024**2
START_SECONDS = 60
WATCH_SECONDS = 0.02
END_SECONDS = 10
LIBRARY, HOME = "/library", "/home/student"  # where the box has the package rlbook, and its own folder
WRITABLE = ("/dev/shm", "/tmp", HOME)
# Several submissions are graded side by side.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class BoxError(RuntimeError):
    """The box itself cannot be had: no fault of the student's. The message says what to install or to allow."""


class Lost(Exception):
    """The box was ended while it was asked for something; the message says why, in one sentence."""


class Ended(Lost):
    """The box ended of itself, perhaps long before it was asked."""


@dataclass(frozen=True)
class Limits:
    """What a submission may use.

    Attributes
    ----------
    call, cell, total : seconds for one call of a function, for one cell, and for the whole submission.
    memory, disk : bytes; ``disk`` holds for /tmp, /dev/shm and the home folder, each.
    files : in these folders together, empty ones too: each takes the kernel's memory.
    threads : of all processes together.
    """

    call: float = 10.0
    cell: float = 120.0
    total: float = 900.0
    memory: int = 2048 * MIB
    disk: int = 64 * MIB
    files: int = 10_000
    threads: int = 64

    def of_each_process(self) -> dict[str, int]:
        """The kernel's own limits. Address space also counts what is only mapped: libraries, and threads' stacks."""
        return {
            "RLIMIT_AS": self.memory + 2048 * MIB,
            "RLIMIT_CPU": int(self.total) + 1,
            "RLIMIT_NOFILE": 256,
            "RLIMIT_FSIZE": self.disk,
            "RLIMIT_CORE": 0,
            "RLIMIT_MEMLOCK": 0,
            "RLIMIT_MSGQUEUE": 0,
        }


class Box(contextlib.AbstractContextManager):
    """One running box. ``ask`` it; it is gone when it breaks a rule, and ``close`` ends it in any case.

    library : the folder that holds the package rlbook as a submission may see it.
    sealed : False starts the same program without bubblewrap and filter.
    """

    def __init__(self, library: Path, limits: Limits, sealed: bool = True):
        self._limits, self._reason, self._asked = limits, "", 0
        self._folders: list[int] = []  # descriptors of the box's WRITABLE folders, to count files by
        ours, theirs = socket.socketpair()
        child = [sys.executable, "-m", "rlbook.grading.child", str(theirs.fileno())]
        child += [json.dumps(limits.of_each_process()), *(WRITABLE if sealed else ())]
        with theirs, tempfile.TemporaryFile() as filter_file:
            if sealed:
                filter_file.write(seccomp_filter())
                filter_file.seek(0)
            self._process = subprocess.Popen(
                [*_bubblewrap(library, limits, filter_file.fileno()), *child] if sealed else child,
                pass_fds=[theirs.fileno(), filter_file.fileno()],
                env={} if sealed else _environment(str(library), tempfile.gettempdir()),
                cwd="/" if sealed else tempfile.gettempdir(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        self._channel, self._done = Channel(ours), threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        try:
            ours.settimeout(START_SECONDS)
            self._folders = socket.recv_fds(ours, 1, len(WRITABLE))[1]
            self._channel.receive(time.monotonic() + START_SECONDS)
        except (WireError, OSError):
            self.close()
            told = self._process.stderr.read(MIB).decode(errors="replace").strip()
            raise BoxError(self._reason or advice(told)) from None

    def ask(self, do: str, seconds: float, **values) -> dict:
        """The reply to one request. Raises Lost where none comes within ``seconds``, or none that can be read."""
        self._asked += 1
        deadline = time.monotonic() + seconds
        try:
            self._channel.send({"id": self._asked, "do": do, **values}, deadline)
            reply = self._channel.receive(deadline)
            if reply.get("id") != self._asked:
                raise WireError("it sends what was not asked for")
        except Late:
            self.close()
            raise Lost(self._reason or f"It did not finish within {seconds:.3g} seconds.") from None
        except WireError as error:
            self.close()
            if self._reason:
                raise Lost(self._reason) from None
            raise Ended(f"It ended Python or disturbed the connection to the grader: {error}.") from None
        return reply

    def close(self) -> None:
        """End every process in the box, and wait until the last one has let go of the socket."""
        self._done.set()
        self._kill()
        self._process.wait()
        self._watcher.join()
        while self._folders:
            os.close(self._folders.pop())
        with contextlib.suppress(OSError), self._channel.socket as sock:
            sock.settimeout(END_SECONDS)
            while sock.recv(MIB):
                pass

    def __exit__(self, *exception) -> None:
        self.close()

    def _kill(self) -> None:
        # The first process inside is the init of its namespace and bound to this one: the kernel ends all with it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _watch(self) -> None:
        while not self._done.wait(WATCH_SECONDS):
            memory, threads = _use(self._process.pid)
            if memory > self._limits.memory:
                self._reason = f"It used more than {self._limits.memory // MIB} MiB of memory."
            elif sum(disk.f_files - disk.f_ffree for disk in map(os.fstatvfs, self._folders)) > self._limits.files:
                self._reason = f"It made more than {self._limits.files:,} files."
            elif threads > self._limits.threads:
                self._reason = f"It started more than {self._limits.threads} threads or processes."
            if self._reason:
                self._kill()
                return


def _use(process: int) -> tuple[int, int]:
    """Resident bytes and threads of a process and of everything that it started."""
    memory = threads = 0
    waiting = [process]
    while waiting:
        folder = f"/proc/{waiting.pop()}"
        with contextlib.suppress(OSError):  # it has ended meanwhile
            memory += int(Path(folder, "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            for task in os.listdir(f"{folder}/task"):
                threads += 1
                waiting += Path(folder, "task", task, "children").read_text().split()
    return memory, threads


# ------------------------------------------------------------------------------------------------------ bubblewrap


def preflight(library: Path) -> None:
    """Start a box and end it. Raises BoxError, which says what to install or to allow, where that does not work."""
    if not sys.platform.startswith("linux"):
        raise BoxError(f"the sandbox needs Linux, this is {sys.platform}; grade on a Linux machine or in a container")
    if shutil.which("bwrap") is None:
        raise BoxError("the sandbox needs bubblewrap; install it (apt install bubblewrap, dnf install bubblewrap)")
    if not Path(f"/proc/self/task/{threading.get_native_id()}/children").exists():
        raise BoxError("the sandbox needs /proc/.../children, a kernel with CONFIG_PROC_CHILDREN")
    Box(library, Limits()).close()


def advice(told: str) -> str:
    """One sentence on a box that did not start, from what it said."""
    last = (told.splitlines() or ["it says nothing"])[-1]
    if "uid map" in told or "namespace" in told or "loopback" in told:
        return (
            f"the sandbox may not make namespaces ({last}); allow them: on Ubuntu "
            "`sysctl kernel.apparmor_restrict_unprivileged_userns=0` or an AppArmor profile for bwrap, on Debian "
            "`sysctl kernel.unprivileged_userns_clone=1`, in a container `--security-opt seccomp=unconfined`"
        )
    return f"the sandbox does not start ({last})"


def _bubblewrap(library: Path, limits: Limits, filter_descriptor: int) -> list[str]:
    """The command that seals what follows it."""
    command = ["bwrap", "--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000", "--hostname", "box"]
    command += ["--die-with-parent", "--new-session", "--cap-drop", "ALL", "--seccomp", str(filter_descriptor)]
    # Room to write comes first: the environment may lie in /tmp, and is mounted over it then.
    command += ["--proc", "/proc", "--dev", "/dev", "--chdir", HOME]
    for folder in WRITABLE:
        command += ["--size", str(limits.disk), "--tmpfs", folder]
    for folder in ("/bin", "/sbin", "/lib", "/lib32", "/lib64"):
        if os.path.islink(folder):
            command += ["--symlink", os.readlink(folder), folder]
        else:
            command += ["--ro-bind-try", folder, folder]
    command += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    hidden = folders_with_answers()
    for folder in sorted(environment_folders() | hidden):  # what lies in another one comes after it, and counts
        command += ["--tmpfs", str(folder)] if folder in hidden else ["--ro-bind", str(folder), str(folder)]
    for folder in hidden:
        command += ["--remount-ro", str(folder)]
    command += ["--ro-bind", str(library), LIBRARY]
    # / and /dev are kept in memory, without a size of their own; and where the grader runs as root, its settings of
    # the kernel in /proc/sys could be written, since their owner needs no privilege.
    command += ["--remount-ro", "/dev", "--remount-ro", "/", "--remount-ro", "/proc", "--clearenv"]
    for name, value in _environment(LIBRARY, HOME).items():
        command += ["--setenv", name, value]
    return command


def environment_folders() -> set[Path]:
    """The folders with the interpreter and its packages: /usr, Python's own, the environment's, and what it links to.

    A line of a .pth file may name a folder elsewhere, as an editable install does.
    """
    folders = {Path("/usr"), Path(sys.base_prefix), Path(sys.prefix)}
    for packages in map(Path, site.getsitepackages()):
        for file in packages.glob("*.pth"):
            lines = file.read_text(errors="replace").splitlines()
            folders |= {Path(line) for line in lines if line.startswith("/") and os.path.isdir(line)}
    return folders


def folders_with_answers() -> set[Path]:
    """What is empty in the box: the whole workbook, wherever it lies, and the package where it is installed."""
    package, installed = ROOT.resolve(), Path(sysconfig.get_path("purelib"), "rlbook")
    workbook = package.parent if (package.parent / "pyproject.toml").is_file() else package
    return {workbook, installed} if installed.is_dir() else {workbook}


def _environment(library: str, home: str) -> dict[str, str]:
    """The whole environment of the process inside."""
    here = {"PATH": "/usr/bin:/bin", "HOME": home, "LANG": "C.UTF-8", "PYTHONPATH": library, "MPLBACKEND": "agg"}
    return here | ONE_THREAD
