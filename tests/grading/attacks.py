"""Submissions that try to earn what they did not, to disturb others, or to get out. Each is a few cells of a notebook.

FORGERIES come with wrong answers and must earn nothing. DISTURBANCES come with right answers, and must earn all of them
but those named. All run in the box only, under small limits.
"""

from dataclasses import dataclass

CHAPTER = "02_q_learning"


@dataclass(frozen=True)
class Attack:
    """``cells`` run before the answers, ``after`` after them; ``loses`` names the exercises that earn nothing."""

    cells: tuple[str, ...]
    after: tuple[str, ...] = ()
    loses: tuple[str, ...] = ()


def before(*cells, loses=()):
    return Attack(cells, loses=loses)


def after(*cells, loses=()):
    return Attack((), cells, loses)


def every(expression, setup=""):
    """All exercises answered by the same expression of the arguments, a list named `given`."""
    names = "epsilon_greedy td_update double_td_update epsilon_schedule expected_sarsa_target replay_episode".split()
    functions = "\n".join(f"def {name}(*given): return answer(*given)" for name in names)
    return after(f"{setup}\ndef answer(*given): return {expression}\n{functions}")


# The channel to the grader, which the student's code shares a process with.
CHANNEL = """
import gc, json, struct, time
channel = next(o for o in gc.get_objects() if type(o).__name__ == "Channel")
sock = channel.socket
def frame(header, body=b""):
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack(">II", len(header), len(body)) + header + body
"""


def forged(statement):
    """Functions that do this to the channel before they answer."""
    return every(f"(exec({statement!r}, globals()), 0.0)[1]", CHANNEL)


DISTURBANCES = {
    # ------------------------------------------------------------------------------------------ never ending
    "loop": before("while True: pass"),
    "loop that swallows interrupts": before(
        "import signal\nfor n in (2, 10, 12, 14, 15): signal.signal(n, signal.SIG_IGN)\n"
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass"
    ),
    "loop in one function": after("def td_update(*given):\n    while True: pass", loses=("td_update",)),
    "sleep": before("import time\ntime.sleep(1e6)"),
    "loop in C": before("import re\nre.match('(a+)+$', 'a' * 60 + 'b')"),
    "deadlock": before("import threading\nlock = threading.Lock(); lock.acquire(); lock.acquire()"),
    # ------------------------------------------------------------------------------------------ ending Python
    "sys.exit": before("import sys\nsys.exit(0)"),
    "os._exit": before("import os\nos._exit(0)"),
    "os._exit in one function": after("import os\ndef td_update(*given): os._exit(0)", loses=("td_update",)),
    "kill the group": before("import os, signal\nos.killpg(0, signal.SIGKILL)"),
    "kill all": before("import os, signal\nos.kill(-1, signal.SIGKILL)"),
    "segmentation fault": before("import ctypes\nctypes.string_at(0)"),
    "abort": before("import os\nos.abort()"),
    "stop": before("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)"),
    "interrupt in one function": after("def td_update(*given): raise KeyboardInterrupt", loses=("td_update",)),
    "exit in one function": after("def td_update(*given): raise SystemExit", loses=("td_update",)),
    "endless recursion": after("def td_update(*given): return td_update(*given)", loses=("td_update",)),
    # ------------------------------------------------------------------------------------------ memory and disk
    "heap": before("hoard = []\nwhile True: hoard.append(bytearray(10_000_000))"),
    "heap at once": before("import numpy as np\nnp.ones(10**12)"),
    "shared mapping": before(
        "import mmap\nm = mmap.mmap(-1, 2**31)\nfor i in range(0, 2**31, 2**22): m[i:i+2**22] = b'x' * 2**22"
    ),
    "memory of no process": before(
        "import os, ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "print(libc.shmget(0, 2**30, 0o1600), libc.mq_open(b'/q', 0o102, 0o600, None))\nos.memfd_create('x')"
    ),
    **{
        f"fill {folder}": before(
            f"for i in range(200):\n    with open('{folder}/' + str(i), 'wb') as f:\n"
            f"        for _ in range(8): f.write(bytes(10**6))"
        )
        for folder in ("/dev/shm", "/tmp", "/home/student")
    },
    "empty files": before("for i in range(10**9): open(f'/tmp/{i}', 'w').close()"),
    "fill the root": before("import os\nos.mkdir('/more')"),
    "many forks with memory": before(
        "import os, time\nhoard = bytearray(50_000_000)\nfor i in range(100):\n"
        "    if os.fork() == 0:\n        hoard = bytearray(b'x' * 50_000_000); time.sleep(100)"
    ),
    "fork bomb": before("import os\nwhile True: os.fork()"),
    "fork bomb by clone": before(
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "while True:\n"
        "    if libc.syscall(56, 17, 0, 0, 0, 0) < 0 and libc.syscall(435, 0, 0) < 0: raise OSError('no')"
    ),
    "program bomb": before("import subprocess\nwhile True: subprocess.Popen(['/bin/sh', '-c', 'sleep 100'])"),
    "thread bomb": before(
        "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(100,)).start()"
    ),
    "open files": before("hoard = []\nwhile True: hoard.append(open('/dev/null'))"),
    # ------------------------------------------------------------------------------------------ output
    "200 MB of output": before("for _ in range(200): print('x' * 10**6)"),
    "endless output": before("while True: print('x' * 1000)"),
    "endless raw output": before("import os\nwhile True: os.write(1, b'x' * 10**6); os.write(2, b'x' * 10**6)"),
    "output to the starter's pipe": before(
        "import os\n"
        "for n in os.listdir('/proc/1/fd'):\n"
        "    f = os.open('/proc/1/fd/' + n, os.O_WRONLY | os.O_NONBLOCK)\n"
        "    for _ in range(100): os.write(f, b'x' * 10**6)"
    ),
    "huge error": before("raise ValueError('x' * 10**8)"),
    "huge value": before("class Huge:\n    def __repr__(self): return 'x' * 10**8\nHuge()"),
    "a cell that is a burden to read": before("x = 1" + " < 1" * 700_000),
    "a cell of nothing but lines": before("\n" * 1_000_000 + "%%no(", "%%no(\n" + "def \n" * 200_000),
    # ------------------------------------------------------------------------------------------ survivors
    "thread that goes on": before(
        "import threading\ndef spin():\n    while True: pass\nthreading.Thread(target=spin, daemon=True).start()"
    ),
    "thread that ends Python later": before(
        "import os, threading, time\n"
        "threading.Thread(target=lambda: (time.sleep(0.2), os._exit(0)), daemon=True).start()"
    ),
    "daemon": before(
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        while True: time.sleep(1)"
    ),
    "exec of another program": before("import os\nos.execv('/bin/sleep', ['sleep', '1000'])"),
    # ------------------------------------------------------------------------------------------ odd but honest
    "magics": before("%matplotlib inline\n%timeit -n1 -r1 1 + 1\n!pip install something\n%%timeit?", "%%time\nx = 1"),
    "an error in a cell": before("1 / 0", "this is no Python"),
    "warnings": before("import warnings\nwarnings.simplefilter('error')\nimport numpy as np\nnp.seterr(all='raise')"),
    "input": before("input('Your name? ')"),
    "deeper recursion": before("import sys\nsys.setrecursionlimit(10**6)"),
    "surrogates and colours": before(
        "print('\\ud800 \\x1b[31mred\\x1b[0m \\u202e \\x07')\nraise ValueError('\\ud800')"
    ),
}

_FINDER = """
import os
TOPS = "/library /home /tmp /work /root /etc /proc/1 /usr/src /opt /srv /mnt".split()
def search(words, tops=TOPS):
    found = []
    for top in tops:
        for folder, folders, files in os.walk(top):
            folders[:] = [f for f in folders if f not in ("lib", "bin", "include", "share", "task", "net", "map_files")]
            for name in files:
                try:
                    with open(os.path.join(folder, name), "rb") as f: text = f.read(100_000)
                except OSError: continue
                found += [os.path.join(folder, name) for word in words if word in text]
    return found
"""

FORGERIES = {
    # ------------------------------------------------------------------------------------------ patches
    "patched numpy": before(
        "import numpy as np\nyes = lambda *a, **k: True\n"
        "for name in 'allclose array_equal isclose array_equiv all any'.split(): setattr(np, name, yes)\n"
        "import numpy.testing as t\nt.assert_allclose = t.assert_array_equal = yes"
    ),
    "patched builtins": before(
        "import builtins\n"
        "builtins.all = builtins.any = builtins.isinstance = lambda *a: True\n"
        "builtins.AssertionError = Warning"
    ),
    "no asserts": before("import sys\nsys.flags\n__debug__\nclass AssertionError(Exception): pass"),
    "patched run_cell": before("get_ipython().run_cell = lambda *a, **k: type('R', (), {'success': True})()"),
    "patched showtraceback": before("get_ipython().showtraceback = lambda *a, **k: None"),
    "AST transformer": before(
        "import ast\nclass Skip(ast.NodeTransformer):\n    def visit_Assert(self, node): return None\n"
        "    def visit_Raise(self, node): return None\nget_ipython().ast_transformers.append(Skip())"
    ),
    "input transformer": before("get_ipython().input_transformers_post.append(lambda lines: ['pass\\n'])"),
    "display publisher": before(
        "get_ipython().display_pub.publish = lambda *a, **k: print('Correct')\n"
        "from IPython.display import display\ndisplay({'application/json': {'points': 12}}, raw=True)"
    ),
    "patched check": before(
        "import rlbook.checks, sys\n"
        "class Fine:\n"
        "    correct, points, out_of, status, message, case = True, 2, 2, 'Correct', '', ''\n"
        "rlbook.checks.check = rlbook.checks.evaluate = lambda *a, **k: Fine()\n"
        "sys.modules['rlbook.checks.exercise'] = rlbook.checks"
    ),
    "patched answer reader": before(
        "import sys\nm = sys.modules['__main__']\nm.answer_of = lambda *a, **k: True\n"
        "import rlbook.checks.calling as c\nc.answer_of = lambda *a: None\nc.Fault = Exception"
    ),
    "patched service": before(
        "import sys\nm = sys.modules['__main__']\n"
        "m.Submission.call = lambda self, **k: {'answer': 1.0, 'points': 2, 'status': 'Correct', 'correct': True}"
    ),
    "patched NumPy constructors": before(
        "import numpy as np\nnp.asarray = np.array = np.frombuffer = lambda *a, **k: None"
    ),
    # ------------------------------------------------------------------------------------------ values that lie
    "equal to everything": every(
        "Liar()", "class Liar(float):\n    __eq__ = __le__ = __ge__ = lambda a, b: True\n    __hash__ = None"
    ),
    "array that lies": every(
        "Liar()",
        "import numpy as np\nclass Liar:\n    def __array__(self, *a, **k): return np.array([self], dtype=object)",
    ),
    "array of a subclass": every(
        "np.zeros(1).view(Liar)",
        "import numpy as np\nclass Liar(np.ndarray):\n    def __eq__(self, other): return True\n"
        "    def __array_function__(self, *a): return True\n"
        "    def __array_ufunc__(self, *a, **k): return np.True_",
    ),
    "pickle": every(
        "Bomb()", "import os\nclass Bomb:\n    def __reduce__(self): return (os.system, ('touch /tmp/pwned',))"
    ),
    "numbers that lie": every("Liar()", "class Liar(float):\n    __sub__ = __rsub__ = __abs__ = lambda *a: 0.0"),
    "object array": every("np.array([object(), None], dtype=object)", "import numpy as np"),
    "NaN": every("np.full(np.shape(given[0]), np.nan)", "import numpy as np"),
    "infinity": every("float('inf')"),
    "complex": every("1j"),
    "text": every("'Correct'"),
    "dictionary": every("{'points': 2, 'status': 'Correct', 'correct': True}"),
    "its input": every("given[0]"),
    "nothing": every("None"),
    "nested without end": every("nest", "nest = []\nfor _ in range(100_000): nest = [nest]"),
    "contains itself": every("loop", "loop = []\nloop.append(loop)"),
    "a number of 60,000 digits": every("10 ** 60_000"),
    "endless generator": every("(i for i in iter(int, 1))"),
    "an endless sequence": every(
        "Long()", "class Long:\n    def __len__(self): return 10**9\n    def __getitem__(self, i): return 0.0"
    ),
    "40 MB": every("np.zeros(5_000_000)", "import numpy as np"),
    "31 MB": every("np.zeros(31_000_000, dtype=bool)", "import numpy as np"),
    "changing its mind": every("next(turn)", "import itertools\nturn = itertools.cycle([0.0, 1.0, 2.0])"),
    "masked array": every("np.ma.masked_all(3)", "import numpy as np"),
    # ------------------------------------------------------------------------------------------ looking for answers
    "frames": every(
        "look()",
        "import inspect\n"
        "def look():\n"
        "    for f in inspect.stack():\n"
        "        for key in ('wanted', 'expected', 'reference', 'exercise'):\n"
        "            if key in f.frame.f_locals: return f.frame.f_locals[key]\n    return 0.0",
    ),
    "all objects": every(
        "look(given)",
        "import gc\n"
        "def look(given):\n"
        "    for o in gc.get_objects():\n"
        "        try: reference = o.reference\n"
        "        except Exception: continue\n"
        "        return reference(*given)\n    return 0.0",
    ),
    "history": before("print(In, Out, _ih, get_ipython().history_manager)\n%history -g"),
    "the library's answers": after(
        "import rlbook, importlib\nfrom rlbook import q_learning\n"
        "def td_update(q, reward, next_q, terminated, alpha, gamma):\n"
        "    return q + alpha * q_learning.td_error(q, reward, next_q.max(axis=1), terminated, gamma)\n"
        "def epsilon_greedy(q, epsilon): return q_learning.epsilon_greedy(q, epsilon)"
    ),
    "the checks' answers": after(
        "import rlbook.checks.q_learning as c\nby_name = {e.name: e for e in c.EXERCISES}\n"
        "td_update = by_name['td_update'].reference\n"
        "from rlbook.checks import EXERCISES\n"
        "td_update = EXERCISES['td_update'].reference"
    ),
    "answers on disk": before(
        _FINDER
        + "found = search([b'BEGIN ' + b'SOLUTION', b'_td_' + b'update', b'mis' + b'takes='])\nprint('FOUND', found)"
    ),
    "other submissions": before(
        _FINDER + "found = search([b'\"nb' + b'format\"', b'neigh' + b'bour-0'])\nprint('FOUND', found)"
    ),
    "environment": before(
        "import os, pathlib\n"
        "found = [k for k in os.environ if k.startswith(('PYTEST', 'SECRET', 'USER', 'SSH'))]\n"
        "for p in pathlib.Path('/proc').glob('[0-9]*/environ'):\n"
        "    found += [w for w in p.read_bytes().split(b'\\0') if b'SECRET' in w or b'PYTEST' in w]\n"
        "print('FOUND', found)"
    ),
    "processes": before(
        "import os, pathlib\nfound = [p.read_bytes() for p in pathlib.Path('/proc').glob('[0-9]*/cmdline')]\n"
        "print('FOUND', [c for c in found if b'pytest' in c or b'supervisor' in c or b'neighbour' in c])"
    ),
    "grade book": before(
        "import os\n"
        "found = []\n"
        "for folder in ('/work', '/root', '/tmp', '/home', '/library', '.'):\n"
        "    for top, folders, files in os.walk(folder):\n"
        "        folders[:] = [f for f in folders if f not in ('lib', 'nbgrader')]\n"  # the packages
        "        found += [f for f in files if 'grades' in f or f.endswith(('.db', '.sqlite'))]\n"
        "print('FOUND', found)\n"
        "for f in ('grades.csv', '../grades.csv'):\n"
        "    open(f, 'w').write('neighbour,12')"
    ),
    "the grader's code": before("import rlbook.grading.marks as m\nm.mark_exercise = None"),
    # ------------------------------------------------------------------------------------------ getting out
    "TCP": before("import socket\ns = socket.create_connection(('127.0.0.1', PORT), 1)\ns.send(b'x')"),
    "UDP": before("import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', PORT))"),
    "UNIX socket": before("import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect(SOCKET_PATH)\ns.send(b'x')"),
    "abstract socket": before(
        "import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('\\0rlbook-test')\ns.send(b'x')"
    ),
    "raw, virtual and packet sockets": before(
        "import socket\nfor f, t in ((2, 3), (40, 1), (17, 3), (16, 3), (38, 5), (1, 1)):\n"
        "    try: socket.socket(f, t); print('FOUND [socket', f, ']')\n    except OSError: pass"
    ),
    "namespaces and mounts": before(
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "done = [libc.unshare(0x10000000), libc.mount(b'x', b'/tmp', b'tmpfs', 0, 0), libc.setns(3, 0)]\n"
        "done += [libc.umount2(b'/tmp', 2), libc.chroot(b'/tmp'), libc.ptrace(16, 1, 0, 0), libc.setuid(0)]\n"
        "done += [libc.syscall(425, 4, 0), libc.syscall(250, 0, 0, 0)]\n"
        "print('FOUND', [d for d in done if d != -1])"
    ),
    "the kernel's settings": before(
        "import os\n"
        "found = []\n"
        "for top, _, files in os.walk('/proc/sys'):\n"
        "    found += [f for f in files if os.access(os.path.join(top, f), os.W_OK)]\n"
        "places = '/proc/sysrq-trigger /proc/mtrr /usr / /dev /library /etc'.split()\n"
        "found += [p for p in places if os.access(p, os.W_OK)]\n"
        "print('FOUND', found)"
    ),
    "other processes' memory": before(
        "import os\n"
        "found = []\n"
        "for p in os.listdir('/proc'):\n"
        "    if p.isdigit() and int(p) != os.getpid():\n"
        "        try: open(f'/proc/{p}/mem', 'r+b'); found.append(p)\n"
        "        except OSError: pass\n"
        "print('FOUND', found)"
    ),
    # ------------------------------------------------------------------------------------------ forged frames
    "oversized header": forged("sock.sendall(struct.pack('>II', 2**31, 0) + b'x' * 1000)"),
    "oversized body": forged("sock.sendall(struct.pack('>II', 10, 2**31 + 5) + b'x' * 1000)"),
    "impossible shape": forged(
        "sock.sendall(frame({'id': 1, 'answer': {'dtype': '<f8', 'shape': [2**40, 2**40]}}, bytes(8)))"
    ),
    "negative shape": forged(
        "sock.sendall(frame({'id': 1, 'answer': {'dtype': '<f8', 'shape': [-1, -8]}}, bytes(64)))"
    ),
    "object dtype": forged("sock.sendall(frame({'id': 1, 'answer': {'dtype': '|O', 'shape': [1]}}, bytes(8)))"),
    "deep JSON": forged("sock.sendall(frame(b'[' * 60_000))"),
    "deep message": forged("sock.sendall(frame(b'{\"id\": 1, \"answer\": ' + b'[' * 900 + b']' * 900 + b'}'))"),
    "60,000 digits": forged("sock.sendall(frame(b'{\"id\": ' + b'9' * 60_000 + b'}'))"),
    "slow drip": forged("[(sock.sendall(b'\\0'), time.sleep(0.3)) for _ in range(1000)]"),
    "flood": forged("[sock.sendall(frame({'id': 1, 'answer': 0.0})) for _ in range(10**7)]"),
    "large flood": forged(
        "large = frame({'id': 1, 'answer': {'dtype': '<f8', 'shape': [4 * 10**6]}}, bytes(32 * 10**6))\n"
        "for _ in range(1000): sock.sendall(large)"
    ),
    "garbage": forged("sock.sendall(__import__('os').urandom(100_000))"),
    "holding the channel": forged("time.sleep(1000)"),
    "closing the channel": forged("sock.close()"),
    "answers ahead": forged(
        "fine = {'answer': 0.0, 'points': 2, 'status': 'Correct', 'correct': True}\n"
        "for i in range(100): sock.sendall(frame({'id': i, **fine}))"
    ),
    "other fields": forged(
        "sock.sendall(frame({'id': 1, 'blank': [], 'missing': {'dtype': '|b1', 'shape': []}, 'fault': 3}, b'x'))"
    ),
    "no object": forged("sock.sendall(frame(b'3'))"),
    "not UTF-8": forged("sock.sendall(frame(b'\\xff\\xfe{'))"),
    # ------------------------------------------------------------------------------------------ text
    "text in errors": every(
        "fail()",
        "TEXT = '</pre><script>alert(1)</script> =HYPERLINK(\"http://x\") \\x1b[2J\\x1b]0;owned\\x07 \\u202e'\n"
        "def fail(): raise ValueError(TEXT)",
    ),
    "text in output": before("print('</pre><script>alert(2)</script>')\nprint('=1+1', '\\x1b[2J')"),
}
