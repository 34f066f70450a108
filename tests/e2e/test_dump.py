"""plait dump: the stacks of all threads, now."""
import json
import os
import shutil
import subprocess
import sys
import time

import pytest

from interpreters import interpreters
from plait_runner import PLAIT, TARGETS, compile_target, pause, run_plait, why_not_record

FOUND = interpreters()
TARGET = TARGETS / "dumped.py"


class Target:
    def __init__(self, interpreter, *arguments):
        self.process = subprocess.Popen([interpreter, TARGET, *arguments], stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        assert self.process.stdout.readline() == "ready\n"
        return self.process.pid

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def dump(*arguments, **keywords):
    result = run_plait("dump", "--json", *arguments, **keywords)
    if result.returncode and "Operation not permitted" in result.stderr:
        pytest.skip(f"this host does not allow it: {result.stderr}")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert (document["format"], document["version"]) == ("plait-dump", 1)
    return document["processes"]


def python_frames(thread):
    """[(name, line)] of a thread's own functions, innermost first."""
    return [(frame["function"]["name"].split(".")[-1], frame["function"]["line"]) for frame in thread.get("frames", [])
            if frame["function"].get("file", "").endswith("dumped.py")]


def by_function(processes):
    """The threads by their outermost function in the target's file."""
    return {python_frames(thread)[-1][0]: thread for process in processes for thread in process["threads"]
            if python_frames(thread)}


SLEEPING = {"in_queue": [("in_queue", 10)], "in_sleep": [("in_sleep", 14)], "in_epoll": [("in_epoll", 18)],
            "in_sort": [("<lambda>", 22), ("in_sort", 22)], "deep": [("deep", 33)] + 300 * [("deep", 32)]}


@pytest.mark.parametrize("interpreter", FOUND, ids=lambda i: i.name)
def test_every_thread(interpreter):
    with Target(interpreter.path) as pid:
        for _ in range(3):
            threads = by_function(dump("-p", pid))
            for name, frames in SLEEPING.items():
                thread = threads[name]
                assert python_frames(thread) == frames
                # "derived" are those of builds that have no unwind table (GCC 7 for aarch64).
                assert set(thread["quality"]) <= {"derived", "unresolved"}, thread
                assert (thread["state"], thread["gil"]) == ("S", False)
                # CPython 3.15 is built with frame pointers: where the C library does not save them on the stack, the
                # thread is stopped to have them.
                assert thread["how"] == "slept" or interpreter[:2] >= (3, 15), (name, thread["how"])
            running = threads["running"]
            assert python_frames(running) == [("running", 27)]
            assert running["state"] == "R" and running["how"] in ("sampled", "stopped")
            if interpreter[:2] >= (3, 11):
                frame = [f for f in threads["in_epoll"]["frames"] if f["function"]["name"] == "in_epoll"][0]
                assert (frame["column"], frame["end_line"], frame["end_column"]) == (5, 18, 30)
            assert "<module>" in threads


LOCALS = {"number": "42", "text": "'hello'", "key": "'k'", "args": "<tuple of 2>", "kw": "<dict of 1>", "flag": "True",
          "nothing": "None", "ratio": "3.25", "negative": "-5", "large": "<int of 120 bits>", "middle": "1099511627776",
          "unicode": "'gr\u00fc\u00dfe \u20ac \U0001f600'", "long": "'" + 40 * "x" + "'...", "empty": "''", "items": "<list of 2>",
          "pair": "<tuple of 3>", "table": "<dict of 1>", "members": "<set of 4>", "raw": "<bytes of 3>", "thing": "<Thing>"}


@pytest.mark.parametrize("broken", [False, True], ids=["sound", "broken"])
@pytest.mark.parametrize("interpreter", FOUND, ids=lambda i: i.name)
def test_locals(interpreter, broken):
    target = subprocess.Popen([interpreter.path, TARGETS / "locals.py", *(["broken"] if broken else [])], stdout=subprocess.PIPE, text=True)
    try:
        assert target.stdout.readline() == "ready\n"
        pause(0.1)
        threads = dump("--locals", "-p", target.pid)[0]["threads"]
    finally:
        target.kill()
        target.wait()
        target.stdout.close()
    frames = {frame["function"]["name"]: frame for frame in threads[0]["frames"]}
    found = {local["name"]: local["value"] for local in frames["function"]["locals"]}
    assert {name: found.pop(name, None) for name in LOCALS} == LOCALS
    assert "gone" not in found
    if broken:
        assert found.pop("broken_list") == "?" and "broken_text" in found
        for name in ("broken_text", "word", "header"):
            found.pop(name)
    assert not found


def switches(pid, tid):
    text = open(f"/proc/{pid}/task/{tid}/status").read()
    return [line for line in text.splitlines() if "ctxt_switches" in line]


def wait_until_asleep(pid):
    """The first thread says that it is ready before it sleeps; on one slow CPU it may get there late."""
    end = time.monotonic() + 20
    while any(open(f"/proc/{pid}/task/{tid}/stat").read().rsplit(")", 1)[1].split()[0] != "S" for tid in os.listdir(f"/proc/{pid}/task")):
        assert time.monotonic() < end, "it does not sleep"
        time.sleep(0.02)


def test_sleeping_threads_are_not_woken():
    with Target(sys.executable, "quiet") as pid:
        wait_until_asleep(pid)
        before = {tid: switches(pid, tid) for tid in os.listdir(f"/proc/{pid}/task")}
        threads = dump("-p", pid)[0]["threads"]
        assert {thread["how"] for thread in threads} == {"slept"}
        assert {tid: switches(pid, tid) for tid in os.listdir(f"/proc/{pid}/task")} == before


def test_running_threads_are_not_stopped_where_bpf_works():
    if why_not_record():
        pytest.skip("this host cannot record by engine bpf")
    with Target(sys.executable) as pid:
        taken = [by_function(dump("-p", pid))["running"] for _ in range(4)]
        assert all(python_frames(running) == [("running", 27)] for running in taken)
        # A machine that stalls may give a thread no CPU for the 40 ms.
        assert sum(running["how"] == "sampled" for running in taken) >= 2


def test_without_bpf_they_are_stopped_for_a_moment_or_left_out(tmp_path):
    refuse = compile_target("refuse.c", tmp_path)
    with Target(sys.executable) as pid:
        command = [refuse, "bpf,perf_event_open", PLAIT, "dump", "--json", "-p", str(pid)]
        result = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if result.returncode == 77:
            pytest.skip("this host does not allow seccomp filters")
        running = by_function(json.loads(result.stdout)["processes"])["running"]
        assert running["how"] == "stopped" and 0 < running["stopped"] < 0.1
        assert python_frames(running) == [("running", 27)] and running["gil"] in (True, False)
        result = subprocess.run(command + ["--no-stop"], stdout=subprocess.PIPE, text=True)
        left = [t for t in json.loads(result.stdout)["processes"][0]["threads"] if t["how"] == "not taken"]
        assert len(left) == 1 and "must not be stopped" in left[0]["reason"]


def test_process_tree(tmp_path):
    code = f"import subprocess, sys; subprocess.run([sys.executable, {str(TARGET)!r}, 'quiet'])"
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert parent.stdout.readline() == "ready\n"
        assert len(dump("-p", parent.pid)) == 1
        processes = dump("-p", parent.pid, "--all")
        assert len(processes) == 2 and set(SLEEPING) <= set(by_function(processes))
        for process in processes[1:]:
            os.kill(process["pid"], 9)
    finally:
        parent.kill()
        parent.wait()


def test_text():
    with Target(sys.executable, "quiet") as pid:
        result = run_plait("dump", "-p", pid, env=dict(os.environ, COLUMNS="100"))
        assert f"process {pid} " in result.stdout and "sleeping" in result.stdout
        assert max(map(len, result.stdout.splitlines())) <= 100
        assert "dumped.py:14" in result.stdout and "time.sleep(1000)" in result.stdout


def test_two_hundred_threads():
    code = ("import threading, time\ndef waiting(): time.sleep(1000)\n"
            "for _ in range(200): threading.Thread(target=waiting, daemon=True).start()\n"
            "print('ready', flush=True)\ntime.sleep(1000)")
    target = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        target.stdout.readline()
        pause(0.5)
        threads = dump("-p", target.pid)[0]["threads"]
        assert len(threads) == 201 and {thread["how"] for thread in threads} == {"slept"}
        assert sum(any(f["function"]["name"] == "waiting" for f in thread["frames"]) for thread in threads) == 200
    finally:
        target.kill()
        target.wait()
        target.stdout.close()


@pytest.mark.parametrize("arguments, status, text", [
    ([], 2, "-p PID"), (["-p", "999999999"], 1, "no process"), (["-p", "1", "x"], 2, "no argument"), (["--nope"], 2, "nope")])
def test_wrong_words(arguments, status, text):
    result = run_plait("dump", *arguments)
    assert (result.returncode, text in result.stderr) == (status, True), result.stderr


def test_of_another_user():
    if os.getuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("needs root and setpriv")
    folder = subprocess.run(["mktemp", "-d"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    try:
        os.chmod(folder, 0o755)
        plait = shutil.copy(PLAIT, folder)
        result = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all",
                                 "--inh-caps=-all", plait, "dump", "-p", str(os.getpid())], stderr=subprocess.PIPE, text=True)
    finally:
        shutil.rmtree(folder)
    assert result.returncode == 1 and "run as root" in result.stderr
