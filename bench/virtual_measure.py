"""What each way of sampling adds to a program, in time of the machine that it runs on. For a guest whose clock counts
instructions (bench/virtual), where the same work takes the same time to one part in ten thousand.

    virtual_measure.py EVENT TIMES [VARIANT...]    measures each so often and takes the medians, prints JSON:
                                                   {program: {variant: {"wall": ns, "cpu": ns, "samples": n}}}
    virtual_measure.py job PROGRAM ROUNDS    does the work, prints the nanoseconds of it: wall, CPU
"""
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import programs  # noqa: E402

SECOND = 10**9
PERIOD = SECOND // 1000  # 1,000 samples a second: ns of cpu-clock, cycles at 1 GHz
PROGRAMS = ("pure", "calls")
ROUNDS = 24  # 1.3 to 2 s where an instruction takes 2 ns


def job(program, rounds):
    work = {"pure": programs.pure, "calls": programs.calls}[program]
    work(1)  # imports, and what is done once
    wall, cpu = time.monotonic_ns(), time.process_time_ns()
    work(rounds)
    print(json.dumps([time.monotonic_ns() - wall, time.process_time_ns() - cpu]), flush=True)


def variants(plait, event, folder):
    """{name: (the words before the command, the file it writes)}"""
    record = [plait, "record", "-q", "-o", f"{folder}/run.plait"]
    fixed = ["-e", event, "-c", str(PERIOD)]
    found = {"bare": [],
             "bpf": [*record, "--engine", "bpf", *fixed, "--"],
             "perf engine": [*record, "--engine", "perf", *fixed, "--"],
             "agent": [*record, "--engine", "agent", "--agent-timer", "fast", "-F", "1000", "--"],
             "ptrace": [*record, "--engine", "ptrace", "-F", "1000", "--max-slowdown", "50", "--"]}
    if shutil.which("perf"):
        found["perf record"] = ["perf", "record", "-q", "-o", f"{folder}/perf.data", *fixed, "--"]
        found["perf record -g"] = ["perf", "record", "-q", "-o", f"{folder}/perf.data", "-g", *fixed, "--"]
        found["perf record dwarf"] = ["perf", "record", "-q", "-o", f"{folder}/perf.data", "--call-graph", "dwarf,8192", *fixed, "--"]
    return found


def samples_of(plait, prefix, folder):
    if "perf" in prefix[:1]:
        done = subprocess.run(["perf", "report", "-i", f"{folder}/perf.data", "--stats"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
        return sum(map(int, re.findall(r"SAMPLE events: +(\d+)", done.stdout)[:1]))
    done = subprocess.run([plait, "report", "--format", "json", f"{folder}/run.plait"], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)["trust"]["samples"]


def measure(plait, event, wanted=None, rounds=ROUNDS, times=1):
    """{program: {variant: {"wall", "cpu" (ns of the work), "samples" (of the whole run)}}}: medians of so many runs, which take
    turns."""
    runs = [measure_once(plait, event, wanted, rounds) for _ in range(times)]
    return {program: {variant: {key: statistics.median(run[program][variant][key] for run in runs) for key in row}
                      for variant, row in rows.items()} for program, rows in runs[0].items()}


def measure_once(plait, event, wanted, rounds):
    environment = dict(os.environ, PYTHONHASHSEED="0", OPENBLAS_NUM_THREADS="1")
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        for program in PROGRAMS:
            for name, prefix in variants(plait, event, folder).items():
                if wanted and name not in wanted:
                    continue
                done = subprocess.run([*prefix, sys.executable, __file__, "job", program, str(rounds)], stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True, env=environment)
                if done.returncode:
                    sys.exit(f"{name}: {done.stderr}")
                wall, cpu = json.loads(done.stdout.splitlines()[-1])
                figures.setdefault(program, {})[name] = {
                    "wall": wall, "cpu": cpu, "samples": samples_of(plait, prefix, folder) if prefix else 0}
    return figures


if __name__ == "__main__":
    if sys.argv[1:2] == ["job"]:
        job(sys.argv[2], int(sys.argv[3]))
    else:
        print(json.dumps(measure(os.environ["PLAIT"], sys.argv[1], sys.argv[3:], times=int(sys.argv[2]))))
