"""Targets in other namespaces with a root file system of their own, and the recorder in one: made with unshare(1), which is
what a container is made of."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

import plait_runner
from interpreters import ROOT
from plait_runner import PLAIT, SLOWNESS, collapsed, need_recording, record, record_attached, run_plait, trust

# Seconds of CPU time.
SHORT = str(0.6 * SLOWNESS)
BUSY = ("import os, sys, threading, time\n"
        "def inside(seconds):\n"
        "    end = time.thread_time() + seconds\n"
        "    while time.thread_time() < end: sorted(range(3000), key=lambda value: -value)\n"
        "def worker():\n    inside(float(sys.argv[1]))\n"
        "thread = threading.Thread(target=worker)\nthread.start()\n"
        "print(os.getpid(), thread.native_id, flush=True)\n"
        "inside(float(sys.argv[1]))\nthread.join()\n")

# A root of another release has another C library and another Python at paths that are here, too.
SETUP = """set -e
mount --bind {usr} {root}/usr
mount -t proc proc {root}/proc
exec chroot {root} /usr/bin/python{version} /job.py "$@"
"""


def namespaces(*kinds):
    command = ["unshare", "--fork", *(f"--{kind}" for kind in kinds)]
    if os.getuid() != 0:
        pytest.skip("needs root")
    if subprocess.run([*command, "true"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip(f"this host does not let go of namespaces: {' '.join(kinds)}")
    return command


@pytest.fixture
def container(tmp_path):
    """The command that runs the program in namespaces and a root file system of its own."""
    # One of another release where there is one (tests/fetch-interpreters), else this one's own under another root.
    usr = next((usr for usr in [*sorted((ROOT / "build" / "interpreters").glob("*/usr")), pathlib.Path("/usr")]
                if list(usr.glob("bin/python3.1?"))), None)
    if not usr:
        pytest.skip("no root file system with a CPython")
    version = sorted(path.name for path in usr.glob("bin/python3.1?"))[0][len("python"):]
    root = tmp_path / "root"
    for folder in ("usr", "proc", "tmp"):
        (root / folder).mkdir(parents=True)
    for link in ("lib", "lib64"):
        (root / link).symlink_to(f"usr/{link}")
    (root / "job.py").write_text(BUSY)
    setup = tmp_path / "setup"
    setup.write_text(SETUP.format(root=root, usr=os.path.realpath(usr), version=version))
    command = [*namespaces("pid", "mount", "net", "uts", "ipc"), "sh", str(setup)]
    if subprocess.run([*command, "0"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("the root file system does not run here")
    return command


def check_inside(recording, own_ids, version_libc=True):
    """Symbols of the root that the program has, and the recorder's ids of its threads."""
    stacks = [stack for stack in collapsed(recording, "--by-thread") if any(f.startswith("inside (/job.py:") for f in stack.frames)]
    assert sum(stack.count for stack in stacks) > 100 // SLOWNESS  # a stop of engine ptrace takes long there
    seen = {int(frame.rsplit(":", 1)[1]) for stack in stacks for frame in stack.frames[:2]}
    assert len(seen) == 2 and not seen & own_ids, (seen, own_ids)
    frames = {frame for stack in stacks for frame in stack.frames}
    assert any(frame.startswith("__libc_start_main [libc.so.6") for frame in frames)
    assert any(frame.startswith("PyEval_EvalCode [python3") for frame in frames)
    whole = sum(s.count for s in stacks if not set(s.frames) & {"[gap]", "[truncated]", "[unmerged]"})
    assert whole >= 0.98 * sum(s.count for s in stacks), trust(recording)


@pytest.mark.engines("bpf", "ptrace")
def test_recorder_outside_launched(recording, container):
    result = record(recording, "--", *container, SHORT)
    check_inside(recording, {int(word) for word in result.stdout.split()})


def start(container):
    """The running program, its own ids, and the id of its first process here."""
    target = subprocess.Popen([*container, str(30 * SLOWNESS)], stdout=subprocess.PIPE, text=True)
    own = {int(word) for word in target.stdout.readline().split()}
    children = pathlib.Path(f"/proc/{target.pid}/task/{target.pid}/children").read_text().split()
    return target, own, int(children[0])


def end(target, pid):
    os.kill(pid, signal.SIGKILL)
    target.wait()
    target.stdout.close()


@pytest.mark.engines("bpf", "ptrace")
def test_recorder_outside_attached(recording, container):
    target, own, pid = start(container)
    try:
        record_attached(recording, [pid], 1)
    finally:
        end(target, pid)
    check_inside(recording, own)


def test_dump_from_outside(container):
    target, own, pid = start(container)
    try:
        result = run_plait("dump", "--json", "-p", pid)
    finally:
        end(target, pid)
    assert result.returncode == 0, result.stderr
    process = json.loads(result.stdout)["processes"][0]
    assert process["pid"] == pid and not {thread["tid"] for thread in process["threads"]} & own
    for thread in process["threads"]:
        assert any(frame["function"]["name"] in ("inside", "worker") for frame in thread["frames"])


def test_agent_says_that_it_is_not_inside(tmp_path, container):
    """Its library is not in that root."""
    result = run_plait("record", "-q", "--engine", "agent", "-o", tmp_path / "run.plait", "--", *container, "0.8")
    assert result.returncode == 0
    assert "took no samples" in result.stderr and "python3" in result.stderr


@pytest.mark.engines("bpf", "agent", "ptrace")
def test_recorder_inside(recording, tmp_path):
    """In a pid namespace of its own the recorder shows the numbers that the program knows itself by."""
    command = namespaces("pid", "mount-proc", "net", "ipc")
    (tmp_path / "job.py").write_text(BUSY)
    options = plait_runner.ENGINE_OPTIONS[plait_runner.engine]
    result = subprocess.run([*command, PLAIT, "record", "-q", *options, "-o", str(recording), "--", sys.executable,
                             str(tmp_path / "job.py"), SHORT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 0, result.stderr
    own = {int(word) for word in result.stdout.split()}
    stacks = [s for s in collapsed(recording, "--by-thread") if any(f.startswith("inside (") for f in s.frames)]
    assert {int(frame.rsplit(":", 1)[1]) for stack in stacks for frame in stack.frames[:2]} == own
    assert trust(recording)["complete"] >= 0.98 * trust(recording)["samples"]


def test_user_namespace_without_rights(tmp_path):
    """Root of a user namespace has no right outside of it: as in a rootless container. auto takes the agent."""
    command = namespaces("user", "map-root-user", "pid", "mount-proc")
    (tmp_path / "job.py").write_text(BUSY)
    result = subprocess.run([*command, PLAIT, "record", "-o", str(tmp_path / "run.plait"), "--", sys.executable,
                             str(tmp_path / "job.py"), SHORT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 0, result.stderr
    assert "agent engine" in result.stderr and "no bpf engine" in result.stderr
    figures = trust(tmp_path / "run.plait")
    assert figures["samples"] > 50 and figures["complete"] >= 0.98 * figures["samples"]
