"""Attempts to leave a worker. Each function raises where it is refused, and else has escaped.

`attempts` is the task that makes them all, one after the other, as code that took over its worker
would; what it could do is told by name.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import resource
import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inspector.jobs.worker import JobContext, TaskResult

Args = dict[str, Any]
Attempt = Callable[[Args, Path], object]

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

# x86-64, aarch64. None of these is ever allowed; with all arguments zero they harm nobody.
RAW: dict[str, tuple[int | None, int | None]] = {
    "execve": (59, 221), "execveat": (322, 281), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "process_madvise": (440, 440), "process_mrelease": (448, 448),
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, None), "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54),
    "utime": (132, None), "utimes": (235, None), "utimensat": (280, 88), "futimesat": (261, None),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "symlink": (88, None), "symlinkat": (266, 36), "link": (86, None), "linkat": (265, 37),
    "mknod": (133, None), "mknodat": (259, 33), "truncate": (76, 45), "creat": (85, None),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "unshare": (272, 97), "setns": (308, 268), "open_tree": (428, 428), "move_mount": (429, 429),
    "fsopen": (430, 430), "fsmount": (432, 432), "mount_setattr": (442, 442),
    "bpf": (321, 280), "perf_event_open": (298, 241), "keyctl": (250, 219), "add_key": (248, 217),
    "request_key": (249, 218), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "userfaultfd": (323, 282), "memfd_create": (319, 279),
    "memfd_secret": (447, 447), "socket": (41, 198), "socketpair": (53, 199), "bind": (49, 200),
    "connect": (42, 203), "listen": (50, 201), "accept": (43, 202), "accept4": (288, 242),
    "sendmsg": (46, 211), "recvmsg": (47, 212), "sendmmsg": (307, 269), "setsockopt": (54, 208),
    "shmget": (29, 194), "shmat": (30, 196), "msgget": (68, 186), "semget": (64, 190),
    "mq_open": (240, 180), "inotify_init1": (294, 26), "fanotify_init": (300, 262),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "openat2": (437, 437),
    "setuid": (105, 146), "setgid": (106, 144), "setresuid": (117, 147), "setresgid": (119, 149),
    "setgroups": (116, 159), "setfsuid": (122, 151), "capset": (126, 91),
    "personality": (135, 92), "setrlimit": (160, 164), "setpriority": (141, 140),
    "sched_setaffinity": (203, 122), "sched_setscheduler": (144, 119), "sched_setattr": (314, 274),
    "ioprio_set": (251, 30), "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "sethostname": (170, 161), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "adjtimex": (159, 171), "acct": (163, 89), "syslog": (103, 116),
    "quotactl": (179, 60), "vhangup": (153, 58), "seccomp": (317, 277),
    "landlock_create_ruleset": (444, 444), "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424), "pidfd_getfd": (438, 438), "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "setsid": (112, 157),
    "setpgid": (109, 154), "chdir": (80, 49), "fchdir": (81, 50), "iopl": (172, None),
    "ioperm": (173, None), "modify_ldt": (154, None), "move_pages": (279, 239),
    "migrate_pages": (256, 238), "mbind": (237, 235), "timer_create": (222, 107),
    "vmsplice": (278, 75), "splice": (275, 76), "tee": (276, 77), "mlockall": (151, 230),
    "fork": (57, None), "vfork": (58, None), "clone3": (435, 435),
}  # fmt: skip


def raw(name: str, *arguments: int) -> int:
    """Make a system call by its number. Raises: OSError; NotImplementedError where it has none."""
    number = RAW[name][0 if platform.machine() == "x86_64" else 1]
    if number is None:
        raise NotImplementedError(name)
    return _called(number, *arguments)


def _called(number: int, *arguments: int) -> int:
    padded = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    result = int(libc.syscall(ctypes.c_long(number), *map(ctypes.c_ulong, padded)))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _prctl(*arguments: int) -> None:
    if libc.prctl(*arguments, *[0] * (5 - len(arguments))) < 0:
        raise OSError(ctypes.get_errno(), "prctl")


def _clone(flags: int) -> None:
    child = _called(56 if platform.machine() == "x86_64" else 220, flags | signal.SIGCHLD)
    if child == 0:
        os._exit(0)


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _program(status: int) -> None:
    """``os.system`` and friends tell by a number that nothing was started."""
    if status != 0:
        raise PermissionError(f"status {status}")


def _connect(family: int, address: Any) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as line:
        line.connect(address)


def _send_datagram(args: Args) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.sendto(b"x", ("127.0.0.1", args["port"]))


def _read_without_writing(path: str) -> None:
    os.close(os.open(path, os.O_RDONLY | os.O_TRUNC))


def _open(path: str, flags: int) -> None:
    os.close(os.open(path, flags))


def _owned_by(pid: int) -> None:
    """Have the kernel signal another process whenever a pipe can be read."""
    reader, writer = os.pipe()
    try:
        fcntl.fcntl(reader, fcntl.F_SETOWN, pid)
        fcntl.fcntl(reader, fcntl.F_SETFL, os.O_ASYNC)
        os.write(writer, b"x")
    finally:
        os.close(reader)
        os.close(writer)


def _own_file(folder: Path) -> str:
    file = folder / "own"
    file.write_text("mine")
    return str(file)


def _memory_program(_args: Args, _folder: Path) -> None:
    descriptor = os.memfd_create("program")
    os.write(descriptor, Path("/bin/true").read_bytes())
    os.execv(f"/proc/self/fd/{descriptor}", ["true"])


def _raise_limit() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (1 << 20, 1 << 20))


# Signal 0 asks whether a signal would be delivered: a test that fails must not end all processes.
# fmt: off
ATTEMPTS: dict[str, Attempt] = {
    "read a file": lambda a, f: Path(a["secret"]).read_text(),
    "read a file beside the model": lambda a, f: Path(a["neighbour"]).read_text(),
    "read another model of the workspace": lambda a, f: Path(a["other_model"]).read_text(),
    "read the passwords": lambda a, f: Path("/etc/passwd").read_text(),
    "read the name of the host": lambda a, f: Path("/etc/hostname").read_text(),
    "list a folder": lambda a, f: os.listdir(a["outside"]),
    "list the root": lambda a, f: os.listdir("/"),
    "list the home": lambda a, f: os.listdir(a["home"]),
    "list the workspace": lambda a, f: os.listdir(f.parent.parent),
    "list the processes": lambda a, f: os.listdir("/proc"),
    "read through the root of the process": lambda a, f: Path("/proc/self/root" + a["secret"]).read_text(),
    "read through the current folder": lambda a, f: Path("/proc/self/cwd" + "/.." * 20 + a["secret"]).read_text(),
    "read through a link": lambda a, f: (f.joinpath("link").symlink_to(a["secret"]), f.joinpath("link").read_text()),
    "write a file": lambda a, f: Path(a["outside"], "written").write_text("x"),
    "write to a file": lambda a, f: Path(a["secret"]).open("a").write("x"),
    "write to the model": lambda a, f: Path(a["path"]).open("r+b").write(b"x"),
    "write to code": lambda a, f: Path(os.__file__).open("a").write("x"),
    "make a folder": lambda a, f: Path(a["outside"], "folder").mkdir(),
    "delete a file": lambda a, f: Path(a["secret"]).unlink(),
    "delete the model": lambda a, f: Path(a["path"]).unlink(),
    "truncate a file": lambda a, f: os.truncate(a["secret"], 0),
    "truncate the model": lambda a, f: os.truncate(a["path"], 0),
    "truncate the model by opening": lambda a, f: _read_without_writing(a["path"]),
    "rename out": lambda a, f: os.rename(_own_file(f), a["outside"] + "/renamed"),
    "rename in": lambda a, f: os.rename(a["secret"], f / "taken"),
    "hard link": lambda a, f: os.link(a["secret"], f / "hard"),
    "hard link to the model": lambda a, f: os.link(a["path"], f / "hard"),
    "symbolic link": lambda a, f: os.symlink(a["secret"], f / "soft"),
    "make a device": lambda a, f: os.mknod(f / "device", 0o20666, os.makedev(1, 1)),
    "make a fifo": lambda a, f: os.mkfifo(f / "fifo"),
    "chmod": lambda a, f: os.chmod(_own_file(f), 0o6755),
    "chmod elsewhere": lambda a, f: os.chmod(a["secret"], 0o777),
    "chown": lambda a, f: os.chown(_own_file(f), 1, 1),
    "utime": lambda a, f: os.utime(a["secret"], (1, 1)),
    "extended attributes": lambda a, f: os.setxattr(_own_file(f), "user.x", b"x"),
    "environment of the template": lambda a, f: Path(f"/proc/{os.getppid()}/environ").read_bytes(),
    "environment of the caller": lambda a, f: Path(f"/proc/{a['caller']}/environ").read_bytes(),
    "environment of the first process": lambda a, f: Path("/proc/1/environ").read_bytes(),
    "memory of the template": lambda a, f: _open(f"/proc/{os.getppid()}/mem", os.O_RDWR),
    "maps of the template": lambda a, f: Path(f"/proc/{os.getppid()}/maps").read_text(),
    "descriptors of the template": lambda a, f: os.listdir(f"/proc/{os.getppid()}/fd"),
    "memory of its own": lambda a, f: _open("/proc/self/mem", os.O_RDWR),
    "chance of being killed": lambda a, f: Path("/proc/self/oom_score_adj").write_text("-1000"),
    "settings of the kernel": lambda a, f: _open("/proc/sys/kernel/core_pattern", os.O_WRONLY),
    "physical memory": lambda a, f: _open("/dev/mem", os.O_RDONLY),
    "log of the kernel": lambda a, f: _open("/dev/kmsg", os.O_RDONLY),
    "terminal": lambda a, f: _open("/dev/tty", os.O_RDWR),
    "shared memory": lambda a, f: _open("/dev/shm/inspector-test", os.O_RDWR | os.O_CREAT),
    "system file": lambda a, f: _open("/sys/kernel/mm/transparent_hugepage/enabled", os.O_WRONLY),
    "TCP": lambda a, f: _connect(socket.AF_INET, ("127.0.0.1", a["port"])),
    "TCP, listen": lambda a, f: socket.create_server(("127.0.0.1", 0)),
    "UDP": lambda a, f: _send_datagram(a),
    "raw socket": lambda a, f: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "netlink": lambda a, f: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "unix socket": lambda a, f: _connect(socket.AF_UNIX, a["unix"]),
    "abstract socket": lambda a, f: _connect(socket.AF_UNIX, "\0" + a["abstract"]),
    "name of a host": lambda a, f: socket.getaddrinfo("example.org", 80),
    "shell": lambda a, f: _program(os.system(f"touch {a['outside']}/shell")),
    "subprocess": lambda a, f: subprocess.run(["touch", a["outside"] + "/subprocess"], check=True),
    "spawn": lambda a, f: os.posix_spawn("/bin/true", ["true"], {}),
    "exec": lambda a, f: os.execv("/bin/true", ["true"]),
    "program in memory": _memory_program,
    "fork": lambda a, f: _fork(),
    "clone": lambda a, f: _clone(0),
    "clone, memory shared": lambda a, f: _clone(0x100),
    "clone, new users": lambda a, f: _clone(0x10000000),
    "clone, new processes": lambda a, f: _clone(0x20000000),
    "prctl: live on without parent": lambda a, f: _prctl(1, 0),
    "prctl: core files": lambda a, f: _prctl(4, 1),
    "prctl: be traced": lambda a, f: _prctl(0x59616D61, -1),
    "prctl: seccomp": lambda a, f: _prctl(22, 1),
    "prctl: adopt orphans": lambda a, f: _prctl(36, 1),
    "prctl: name of the program": lambda a, f: _prctl(35, 1, 0, 0),
    "raise a limit": lambda a, f: _raise_limit(),
    "raise the limit of the template": lambda a, f: resource.prlimit(os.getppid(), resource.RLIMIT_CORE, (0, 0)),
    "read the limits of the template": lambda a, f: resource.prlimit(os.getppid(), resource.RLIMIT_CORE),
    "type into a terminal": lambda a, f: fcntl.ioctl(0, 0x5412, b"x"),
    "ptrace the template": lambda a, f: raw("ptrace", 16, os.getppid()),
    "signal by descriptor": lambda a, f: signal.pidfd_send_signal(os.pidfd_open(os.getppid()), 9),
    "signal by ownership": lambda a, f: _owned_by(os.getppid()),
    "kill another job": lambda a, f: os.kill(a["other_job"], signal.SIGKILL),
    "kill its group": lambda a, f: os.killpg(a["other_job"], signal.SIGKILL),
    "kill the caller": lambda a, f: os.kill(a["caller"], 0),
    "kill all": lambda a, f: os.kill(-1, 0),
    "stop the template": lambda a, f: os.kill(os.getppid(), signal.SIGSTOP),
    "kill the template": lambda a, f: os.kill(os.getppid(), signal.SIGKILL),
}
# fmt: on

TENSORFLOW_ATTEMPTS = ("read_file", "write_file", "matching_files", "gfile", "text_data_set")


def attempts(args: Args, job: JobContext) -> TaskResult:
    """Make every attempt. Value: ``python`` and ``raw``: name to how it was refused, or None."""
    python = {
        name: _refusal(lambda a=attempt: a(args, job.folder)) for name, attempt in ATTEMPTS.items()
    }
    calls = {name: _refusal(lambda n=name: raw(n)) for name in RAW}
    threads = _threads_refused(args)
    if args["tensorflow"]:
        python |= {
            name: _refusal(lambda n=name: _tensorflow(n, args)) for name in TENSORFLOW_ATTEMPTS
        }
    return TaskResult({"python": python, "raw": calls, "thread": threads})


def _threads_refused(args: Args) -> str | None:
    """The same holds for threads that are started later."""
    results: list[str | None] = []
    thread = threading.Thread(
        target=lambda: results.append(_refusal(lambda: Path(args["secret"]).read_text()))
    )
    thread.start()
    thread.join()
    return results[0]


def _refusal(action: Callable[[], object]) -> str | None:
    try:
        action()
    except OSError as err:
        return str(err.errno) if err.errno else type(err).__name__
    except Exception as err:
        return type(err).__name__
    return None


def _tensorflow(name: str, args: Args) -> object:
    import tensorflow as tf

    secret, outside = args["secret"], args["outside"]
    if name == "read_file":
        return tf.io.read_file(secret)
    if name == "write_file":
        return tf.io.write_file(f"{outside}/tensorflow", "x")
    if name == "matching_files":
        names = tf.io.matching_files(f"{outside}/*").numpy().tolist()
        if not names:
            raise PermissionError("none is listed")
        return names
    if name == "gfile":
        return tf.io.gfile.copy(secret, args["path"] + ".copy")
    return list(tf.data.TextLineDataset(secret))


def own_work(args: Args, job: JobContext) -> TaskResult:
    """What a job may do: read its model, and anything in its own folder."""
    folder = job.folder
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "file").write_text("text")
    (folder / "a" / "file").rename(folder / "a" / "b" / "moved")
    with (folder / "a" / "b" / "moved").open("r+") as file:
        file.truncate(2)
    (folder / "gone").write_text("x")
    (folder / "gone").unlink()
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(len(os.listdir(folder))))
    thread.start()
    thread.join()
    status = dict(
        line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines()
    )
    return TaskResult(
        {
            "model": Path(args["path"]).read_text(),
            "moved": (folder / "a" / "b" / "moved").read_text(),
            "entries": results,
            "home": os.path.expanduser("~") == os.environ["TMPDIR"] == os.environ["HOME"],
            "home_is_own": Path.home().is_relative_to(folder),
            "status": {key: status[key] for key in ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp")},
            "core_limit": resource.getrlimit(resource.RLIMIT_CORE),
        }
    )


def keras_floats(args: Args, job: JobContext) -> TaskResult:
    """The default dtype of both Keras."""
    import keras
    import tensorflow as tf
    import tf_keras

    assert tf.keras.layers.Dense(1)(tf.zeros((1, 2))).shape == (1, 1)
    return TaskResult({"keras": keras.config.floatx(), "tf_keras": tf_keras.backend.floatx()})
