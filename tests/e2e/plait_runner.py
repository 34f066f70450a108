"""Running plait in tests: its path, what this host allows, and short forms for record and report."""
import functools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from grammar import parse_collapsed

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGETS = ROOT / "tests" / "targets"
PLAIT = os.environ.get("PLAIT", str(ROOT / "build" / "dev" / "plait"))

# How many times slower than usual this host is, an emulated processor for one: what waits for something waits longer.
SLOWNESS = int(os.environ.get("PLAIT_TEST_SLOWNESS", "1"))


def pause(seconds):
    time.sleep(seconds * SLOWNESS)


def rate(hertz):
    """What to sample with on this host: with SLOWNESS times the seconds, as many samples as elsewhere."""
    return max(1, hertz // SLOWNESS)


def run_plait(*arguments, **keywords):
    keywords.setdefault("timeout", 300 * SLOWNESS)  # a busy machine may take long
    keywords.setdefault("stdout", subprocess.PIPE)
    keywords.setdefault("stderr", subprocess.PIPE)
    keywords.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([PLAIT, *map(str, arguments)], universal_newlines=True, **keywords)


@functools.lru_cache(maxsize=None)
def why_not_record(by="bpf"):
    """Why this host cannot record by that engine, in plait's own words; None when it can."""
    with tempfile.TemporaryDirectory() as folder:
        result = run_plait("record", "-q", "--engine", by, "-o", pathlib.Path(folder) / "probe.plait", "--", "true")
        return None if result.returncode == 0 else result.stderr.strip()


def need_recording(by="bpf"):
    reason = why_not_record(by)
    if reason:
        pytest.skip(f"this host cannot record: {reason}")


# What `record` adds for the engine that a test runs on. Timers of the agent that are as fast as perf events are asked
# for by name.
ENGINE_OPTIONS = {"bpf": ["--engine", "bpf"], "agent": ["--engine", "agent", "--agent-timer", "fast"],
                  "ptrace": ["--engine", "ptrace", "--max-slowdown", "50"],
                  "perf": ["--engine", "perf"]}
engine = "bpf"


def record(output, *arguments, check=True, **keywords):
    """plait record -q -o OUTPUT ARGUMENTS by the engine of this test; returns the finished process."""
    result = run_plait("record", "-q", *ENGINE_OPTIONS[engine], "-o", output, *arguments, **keywords)
    if check:
        assert result.returncode == 0, result.stderr
    return result


def cpu_time(pid):
    """The seconds of CPU time that the process has used (/proc/PID/stat, fields 14 and 15)."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def record_attached(output, pids, seconds, *arguments):
    """Attaches by the engine of this test until each of the processes has used so many more seconds of CPU time, and ends
    as by Ctrl-C: the number of samples does not depend on what else the machine does."""
    arguments = arguments or ("-p", ",".join(map(str, pids)))
    child = subprocess.Popen([PLAIT, "record", "-q", *ENGINE_OPTIONS[engine], "-o", str(output), *map(str, arguments)],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
    try:
        while child.poll() is None and not pathlib.Path(output).exists():  # it has not come to its events yet
            time.sleep(0.05)
        ends = {pid: cpu_time(pid) + seconds * SLOWNESS for pid in pids}
        while child.poll() is None and any(cpu_time(pid) < end for pid, end in ends.items()):
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        stderr = child.communicate(timeout=120 * SLOWNESS)[1]
    finally:
        child.kill()
        child.wait()
    assert child.returncode == 0, stderr


def collapsed(recording, *options):
    result = run_plait("report", "--format", "collapsed", *options, recording)
    assert result.returncode == 0, result.stderr
    return parse_collapsed(result.stdout)


def report_json(recording, *options):
    result = run_plait("report", "--format", "json", *options, recording)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def trust(recording):
    return report_json(recording)["trust"]


def complete_share(recording):
    figures = trust(recording)
    return figures["complete"] / figures["samples"] if figures["samples"] else 0.0


def compile_target(name, folder, *options):
    """The path of tests/targets/NAME, compiled into `folder`; skips where there is no compiler."""
    compiler = shutil.which("cc")
    if not compiler:
        pytest.skip("no C compiler")
    program = pathlib.Path(folder) / pathlib.Path(name).stem
    subprocess.run([compiler, "-O1", "-g", "-o", program, TARGETS / name, "-lpthread", "-ldl", *options], check=True)
    return program
