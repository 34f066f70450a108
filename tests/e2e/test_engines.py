"""Which engine `auto` takes, and what engines perf and ptrace promise."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from grammar import Grammar, is_marked, python_frame
from interpreters import interpreters
from plait_runner import (PLAIT, SLOWNESS, TARGETS, collapsed, compile_target, need_recording, rate, record, report_json, run_plait,
                          trust, why_not_record)

FOUND = interpreters()
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"]


def long_calls(seconds):
    """A program that is in functions that last, for so many seconds of CPU time."""
    return ("import time, zlib\n"
            f"data = bytes(range(256)) * {20000 // SLOWNESS}\n"
            "def squeeze():\n    zlib.compress(data, 9)\n"
            f"def count():\n    total = 0\n    for i in range({3000000 // SLOWNESS}): total += i & 7\n"
            f"def job():\n    end = time.process_time() + {seconds * SLOWNESS}\n    while time.process_time() < end:\n"
            "        squeeze()\n        count()\n"
            "print('up', flush=True)\njob()\n")


def first_line(result):
    return result.stderr.splitlines()[0]


def test_unknown_engine():
    result = run_plait("record", "--engine", "magic", "--", "true")
    assert result.returncode == 2 and "engines: auto, bpf, agent, ptrace, perf" in result.stderr


def refused(tmp_path, calls, *arguments):
    result = subprocess.run([compile_target("refuse.c", tmp_path), calls, PLAIT, "record", "-o", str(tmp_path / "run.plait"),
                             *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if result.returncode == 77:
        pytest.skip("this host does not allow seccomp filters")
    return result


@pytest.mark.parametrize("calls, attach, engine", [
    ("bpf,perf_event_open", False, "agent"), ("bpf,perf_event_open", True, "ptrace"), ("bpf,ptrace", True, "perf")])
def test_auto_takes_the_best_and_says_why(calls, attach, engine, tmp_path):
    if engine == "perf" and why_not_record("perf"):
        pytest.skip("no perf events on this host")
    if attach:
        target = subprocess.Popen([sys.executable, "-c", long_calls(3)], stdout=subprocess.PIPE)
        try:
            target.stdout.readline()
            result = refused(tmp_path, calls, "-p", target.pid)  # until it ends
        finally:
            target.kill()
            target.wait()
            target.stdout.close()
    else:
        result = refused(tmp_path, calls, "--", sys.executable, "-c", long_calls(1))
    assert result.returncode == 0, result.stderr
    assert first_line(result).startswith(f"plait: {engine} engine, cpu-clock")
    assert "no bpf engine:" in first_line(result) and "plait doctor" in first_line(result)
    assert report_json(tmp_path / "run.plait")["recording"]["engine"] == engine
    assert trust(tmp_path / "run.plait")["samples"] > (100 if SLOWNESS == 1 else 0)  # a stop of engine ptrace takes long there


def test_nothing_is_allowed(tmp_path):
    target = subprocess.Popen([sys.executable, "-c", long_calls(30)], stdout=subprocess.PIPE)
    try:
        result = refused(tmp_path, "bpf,perf_event_open,ptrace", "-p", target.pid, "-d", "1")
    finally:
        target.kill()
        target.wait()
        target.stdout.close()
    assert result.returncode == 1 and "BPF" in result.stderr and not (tmp_path / "run.plait").exists()


# ---- perf ----

@pytest.mark.parametrize("interpreter", FOUND, ids=lambda i: i.name)
def test_perf_shows_nothing_wrong(interpreter, tmp_path):
    """Python frames are read a moment after the sample. In a program whose functions end sooner than that, few can be shown
    to belong to the sample; of those that are shown, none is wrong, and the others are marked."""
    need_recording("perf")
    target, output = TARGETS / "reentry.py", tmp_path / "run.plait"
    run_plait("record", "-q", "--engine", "perf", "-F", rate(999), "-o", output, "--", interpreter.path, target, 3 * SLOWNESS)
    stacks = collapsed(output)
    checked, marked, problems = Grammar(target).check(stacks)
    assert not problems, problems[:3]
    assert checked + marked > 500 // SLOWNESS and trust(output)["unmerged"] > 0


@pytest.mark.parametrize("size", [10000, 60000000], ids=["short", "long"])
@pytest.mark.parametrize("interpreter", FOUND, ids=lambda i: i.name)
def test_perf_is_not_misled(interpreter, size, tmp_path):
    """Frames that are the same before and after a sample need not be the sample's: two callers alternate that only the
    native frames tell apart. Shown is what lasts, and nothing else."""
    need_recording("perf")
    output = tmp_path / "run.plait"
    run_plait("record", "-q", "--engine", "perf", "-F", rate(999), "-o", output, "--", interpreter.path, TARGETS / "twins.py", SLOWNESS,
              size)
    right = 0
    for stack in collapsed(output):
        if is_marked(stack):
            continue
        python = [python_frame(frame)[0] for frame in stack.frames if python_frame(frame)]
        native = " ".join(frame for frame in stack.frames if not python_frame(frame))
        for mine, other in (("crc32", "adler32"), ("adler32", "crc32")):
            if mine in native:
                assert "by_" + other not in python, stack
                right += stack.count if "by_" + mine in python else 0
    assert trust(output)["samples"] > 300 // SLOWNESS
    if size > 1000000:
        assert right > (50 if SLOWNESS == 1 else 0), trust(output)


@pytest.mark.parametrize("interpreter", dict.fromkeys(FOUND[:1] + FOUND[-1:]), ids=lambda i: i.name)
def test_perf_shows_what_lasts(interpreter, tmp_path):
    need_recording("perf")
    output = tmp_path / "run.plait"
    run_plait("record", "-q", "--engine", "perf", "-F", rate(999), "-o", output, "--", interpreter.path, "-c", long_calls(2))
    figures = trust(output)
    assert figures["complete"] > 0.6 * figures["samples"], figures
    assert figures["checked"] > 0.6 * figures["samples"], figures
    stacks = collapsed(output)
    shown = [sum(s.count for s in stacks if any(f.startswith(name + " (") for f in s.frames)) for name in ("squeeze", "count")]
    # Where the processor is slow most samples find no room in the ring, those of a burst first.
    assert min(shown) > 100 if SLOWNESS == 1 else max(shown) > 100, shown
    assert report_json(output)["recording"]["events"][0]["name"].endswith(":u")


def as_nobody(folder, *arguments):
    if os.getuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("needs root and setpriv")
    folder.chmod(0o777)
    for parent in list(folder.parents)[:-2]:
        parent.chmod(parent.stat().st_mode | 0o011)
    for file in (PLAIT, pathlib.Path(PLAIT).parent / "libplait-agent.so"):
        shutil.copy(file, folder)
        (folder / pathlib.Path(file).name).chmod(0o755)
    return subprocess.run([*NOBODY, folder / "plait", *map(str, arguments)], cwd=folder, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)


def test_perf_without_rights(tmp_path):
    if int(open("/proc/sys/kernel/perf_event_paranoid").read()) > 2:
        pytest.skip("perf_event_paranoid is above 2")
    need_recording("perf")
    (tmp_path / "job.py").write_text(long_calls(1))
    result = as_nobody(tmp_path, "record", "--engine", "perf", "-o", tmp_path / "run.plait", "--", "/usr/bin/python3", tmp_path / "job.py")
    assert result.returncode == 0, result.stderr
    assert trust(tmp_path / "run.plait")["complete"] > 300
    # An event that the agent has not.
    result = as_nobody(tmp_path, "record", "-e", "page-faults", "-o", tmp_path / "faults.plait", "--", "/usr/bin/python3", tmp_path / "job.py")
    assert result.returncode == 0 and "perf engine, page-faults:u" in first_line(result), result.stderr
    assert trust(tmp_path / "faults.plait")["samples"] > 100


@pytest.mark.parametrize("arguments, text", [(["-a"], "whole machine"), (["-e", "sched:sched_switch", "--", "true"], "tracepoints")])
def test_perf_says_what_it_has_not(arguments, text, tmp_path):
    need_recording("perf")
    result = run_plait("record", "--engine", "perf", "-o", tmp_path / "run.plait", *arguments)
    assert result.returncode == 1 and text in result.stderr


# ---- ptrace ----

def stopped_share(result, recording):
    """Of the time that passed, in per cent; without the longest stop: it may be the last, which nothing has paid for yet. (What
    plait prints is the share of the running time, which is more where other programs have the processors.)"""
    stops, each, longest = map(int, re.search(r"threads were stopped (\d+) times, (\d+) us each \(at most (\d+)\)", result.stderr).groups())
    return 100 * (stops * each - longest) / 1e6 / report_json(recording)["recording"]["seconds"]


@pytest.mark.parametrize("slowdown", [1, 5, 30])
def test_ptrace_keeps_its_promise(slowdown, tmp_path):
    """Threads stand still for no longer than they may."""
    need_recording("ptrace")
    result = run_plait("record", "--engine", "ptrace", "--max-slowdown", slowdown, "-F", "5000", "-o", tmp_path / "run.plait", "--",
                       sys.executable, "-c", long_calls(2))
    assert result.returncode == 0
    assert stopped_share(result, tmp_path / "run.plait") <= 1.1 * slowdown
    figures = trust(tmp_path / "run.plait")
    assert figures["complete"] >= 0.99 * figures["samples"] - 1 >= 0  # one may be of the interpreter's start
    events = report_json(tmp_path / "run.plait")["recording"]["events"]
    assert events and any("were stopped" in note for note in report_json(tmp_path / "run.plait")["recording"]["notes"])


def test_ptrace_leaves_sleeping_threads_alone(tmp_path):
    """Calls that a stop would interrupt are not."""
    need_recording("ptrace")
    behave = compile_target("behave.c", tmp_path)
    result = run_plait("record", "-q", "--engine", "ptrace", "--max-slowdown", "50", "-F", "2000", "-o", tmp_path / "run.plait", "--", behave)
    bare = subprocess.run([behave], stdout=subprocess.PIPE, text=True).stdout
    assert result.returncode == 0
    # A thread may fall asleep between the look and the stop: rare, of 45 calls.
    assert re.sub(r"sleeps: [0-5] ", "sleeps: 0 ", result.stdout) == bare


def test_ptrace_sees_a_descendant_run_another_program(tmp_path):
    """A child that was known before its exec: what it runs from then on is another program."""
    need_recording("ptrace")
    (tmp_path / "busy.py").write_text(f"import time\ndef busy():\n    end = time.process_time() + {SLOWNESS}\n    while time.process_time() < end: sum(range(1000))\nbusy()\n")
    script = "( i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; exec /usr/bin/python3 busy.py ) & wait"
    result = run_plait("record", "-q", "--engine", "ptrace", "--max-slowdown", "50", "-o", tmp_path / "run.plait", "--",
                       "sh", "-c", script, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    stacks = collapsed(tmp_path / "run.plait")
    shell = sum(stack.count for stack in stacks if not any("busy.py" in frame for frame in stack.frames))
    python = sum(stack.count for stack in stacks if any(frame.startswith("busy (") for frame in stack.frames))
    assert shell > 5 and python > 20, (shell, python)


def test_ptrace_of_a_traced_process(tmp_path):
    """While another debugger has the process there are no samples, and no harm."""
    need_recording("ptrace")
    strace = shutil.which("strace")
    if not strace:
        pytest.skip("no strace")
    target = subprocess.Popen([sys.executable, "-c", long_calls(20)], stdout=subprocess.PIPE)
    target.stdout.readline()
    tracer = subprocess.Popen([strace, "-f", "-e", "trace=none", "-p", str(target.pid)], stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        result = run_plait("record", "--engine", "ptrace", "-p", target.pid, "-d", "0.5", "-o", tmp_path / "run.plait")
        assert result.returncode == 0 and "0 samples" in result.stderr
        assert target.poll() is None
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait()
        target.kill()
        target.wait()
        target.stdout.close()
