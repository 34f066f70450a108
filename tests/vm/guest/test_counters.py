"""Hardware counters, in a guest whose processor has some and whose clock counts instructions: every instruction takes
2^SHIFT ns, and cycles are counted at 1 GHz, so user-mode counts are known to the last instruction.

Runs in the guest of `tests/vm/run --arch arm64 --icount SHIFT vm.counters`."""
import collections
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

from plait_runner import PLAIT, ROOT, TARGETS, collapsed, report_json, run_plait

SHIFT = os.environ.get("PLAIT_GUEST_ICOUNT")
pytestmark = pytest.mark.skipif(SHIFT is None, reason="counts are known in a guest with --icount only")
CYCLES = 1 << int(SHIFT or 0)  # an instruction
IPC = 1 / CYCLES
PROGRAM = TARGETS / "counted_lines.py"
LIBRARY = pathlib.Path(os.environ["PLAIT_TEST_BIN"]) / "counted_loop.so"
KNOWN = {number: int(line.split("#=")[1].replace("_", ""))
         for number, line in enumerate(PROGRAM.read_text().splitlines(), 1) if "#=" in line}
CALL = 20000  # instructions, and more than enough, for a call of the loop by way of ctypes
PERIOD = 250000  # instructions between two samples
TIMES = 2


def record(output, *arguments, program=(sys.executable, PROGRAM, LIBRARY, TIMES), check=True):
    result = run_plait("record", "-q", "-o", output, *arguments, "--", *program)
    if check:
        assert result.returncode == 0, result.stderr
    return result


@pytest.fixture(scope="module")
def grouped(tmp_path_factory):
    """A recording of cycles with instructions counted beside them, both in user mode."""
    output = tmp_path_factory.mktemp("grouped") / "run.plait"
    record(output, "-e", "{cycles:u,instructions:u}:S", "-c", PERIOD * CYCLES)
    return output


def by_line(recording, event):
    """What each marked line counted itself, by the weights of the samples."""
    profile = report_json(recording, "--event", event)["profile"]
    sums = collections.Counter()
    for sample in profile["samples"]:
        stack = sample["stack"]
        while stack is not None:
            frame = profile["frames"][profile["stacks"][stack]["frame"]]
            if frame["kind"] == "python":
                if frame["file"] == str(PROGRAM) and frame["line"] in KNOWN:
                    sums[frame["line"]] += sample["weight"]
                break
            stack = profile["stacks"][stack]["parent"]
    return sums


@pytest.mark.parametrize("event, an_instruction", [("cycles:u", CYCLES), ("instructions:u", 1)])
def test_every_line_has_its_count(grouped, event, an_instruction):
    """To one period: a sample stands for what was counted since the one before."""
    counted = by_line(grouped, event)
    assert set(counted) == set(KNOWN)
    for line, instructions in KNOWN.items():
        known = TIMES * instructions * an_instruction
        assert abs(counted[line] - known) <= TIMES * (PERIOD + CALL) * an_instruction, line


def test_every_sample_has_exactly_the_period(grouped):
    lines = run_plait("script", "--format", "json", grouped).stdout.splitlines()
    samples = [json.loads(line) for line in lines]
    assert len(samples) > 100
    for sample in samples:
        assert sample["period"] == PERIOD * CYCLES
        counts = {count["event"]: count["value"] for count in sample["counts"]}
        assert counts == {"cycles:u": PERIOD * CYCLES, "instructions:u": PERIOD}


def test_ipc_of_functions_and_lines(grouped):
    """The machine's ratio, without an error, wherever there are samples enough for a ratio."""
    metric = report_json(grouped, "--metric", "ipc")["metric"]
    ratios = [entry[part] for entry in metric["functions"] + metric["lines"] for part in ("self", "total")] + [metric["total"]]
    given = [ratio for ratio in ratios if ratio["value"] is not None]
    assert len(given) > 20 and metric["paired"]
    for ratio in ratios:
        assert ratio["numerator"] * CYCLES == ratio["denominator"]
    for ratio in given:
        assert ratio["value"] == IPC and ratio["error"] == 0


def test_ipc_of_every_node_of_the_tree(grouped):
    text = run_plait("report", "--metric", "ipc", "--full", "--threshold", "0", "--ascii", "--columns", "200", grouped).stdout
    shown = re.findall(r"^ *\d+\.\d +(\S+(?: \+-\S+)?)  ", text, re.M)
    numbers = [figure for figure in shown if figure != "?"]
    assert len(numbers) > 40
    assert {tuple(map(float, number.split(" +-"))) for number in numbers} == {(IPC, 0)}, collections.Counter(numbers)


@pytest.mark.parametrize("event", ["cycles:u", "cycles"])
def test_period(event, tmp_path):
    """Each sample stands for its period, and together they are what was counted."""
    output = tmp_path / "run.plait"
    record(output, "-e", event, "-c", 1000000)
    found = report_json(output, "--event", event)["recording"]["events"][0]
    assert found["total"] == 1000000 * found["trust"]["samples"]
    assert 0.97 * found["counted"] < found["total"] <= found["counted"]


def test_frequency(tmp_path):
    """So many samples a second of the program's time: cycles come 10^9 a second."""
    output = tmp_path / "run.plait"
    record(output, "-e", "cycles:u", "-F", 1000, program=(sys.executable, PROGRAM, LIBRARY, 8))
    found = report_json(output)["recording"]["events"][0]
    assert 0.8 < found["trust"]["samples"] / (found["counted"] / 1e9) / 1000 < 1.2
    # Until the kernel has found the period some samples come early; the sum is right whatever the periods are.
    assert 0.97 * found["counted"] < found["total"] <= found["counted"]


def test_instructions_as_the_sampled_event(tmp_path):
    """The emulated PMU overflows late for them: fewer samples, but the kernel knows what each stands for."""
    output = tmp_path / "run.plait"
    record(output, "-e", "instructions:u", "-c", 1000000)
    found = report_json(output)["recording"]["events"][0]
    assert found["counted"] >= TIMES * sum(KNOWN.values())
    assert found["trust"]["samples"] > 0 and found["total"] <= found["counted"]


def test_user_and_kernel(tmp_path):
    """:u samples user mode, :k the kernel, and both are the whole."""
    output = tmp_path / "run.plait"
    program = (sys.executable, "-c", "import os\nfor i in range(20000): os.stat('/')\nsum(range(10**6))")
    record(output, "-e", "cycles:u@500000,cycles:k@500000,cycles@500000", program=program)
    events = {event["name"]: event for event in report_json(output)["recording"]["events"]}
    user, kernel, whole = (events[name]["counted"] for name in ("cycles:u", "cycles:k", "cycles"))
    assert user > 0.1 * whole and kernel > 0.1 * whole
    assert abs(user + kernel - whole) < 0.01 * whole
    in_kernel = {event: sum(stack.count for stack in collapsed(output, "--event", event) if stack.frames[-1].endswith(" [kernel]"))
                 for event in events}
    assert in_kernel["cycles:u"] == 0
    # The emulated counter's interrupt may come just behind the return to user mode: of 145 system calls all but one with 1 ns
    # an instruction, of 1,329 a tenth with 8 ns.
    assert in_kernel["cycles:k"] > (0.9 if SHIFT == "1" else 0) * events["cycles:k"]["trust"]["samples"]
    assert 0 < in_kernel["cycles"] < events["cycles"]["trust"]["samples"]


def stat(*arguments):
    result = run_plait("stat", "--json", *arguments)
    assert result.returncode == 0, result.stderr
    return {event["name"]: event for event in json.loads(result.stderr.splitlines()[-1])["events"]}


def test_more_events_than_counters(tmp_path):
    """They take turns, which is said, and counts are scaled up to the whole time."""
    events = ",".join(["instructions:u"] * 10)
    program = (sys.executable, PROGRAM, LIBRARY, "5")
    alone = stat("-e", "instructions:u", "--", *program)["instructions:u"]["value"]
    result = run_plait("stat", "--json", "-e", events, "--", *program)
    shared = json.loads(result.stderr.splitlines()[-1])["events"]
    assert all(event["running_ns"] < 0.95 * event["enabled_ns"] for event in shared)
    assert all(abs(event["value"] - alone) < 0.25 * alone for event in shared), (alone, shared)
    text = run_plait("stat", "-e", events, "--", *program).stderr
    assert len(re.findall(r"instructions:u +\(\d+(?:\.\d+)? %\)", text)) == 10 and "scaled up" in text
    record(tmp_path / "run.plait", "-e", events, "-c", 1000000, program=program)
    assert len(re.findall("had a counter [0-9.]+ % of the", run_plait("report", tmp_path / "run.plait").stdout)) >= 1
    totals = [event["total"] for event in report_json(tmp_path / "run.plait")["recording"]["events"]]
    assert all(total > 0 for total in totals)


def test_stat_is_perf_stat():
    """To the instruction, in user mode, for a program that asks neither for the time nor for its number. Both count from the
    program's exec on; perf's environment is given to both."""
    bare = ["env", "-i", "PATH=/usr/bin"]
    counted = ["/usr/bin/busybox", "sha256sum", "/usr/bin/busybox"]
    environment = subprocess.run([*bare, "perf", "stat", "-o", "/dev/null", "env"], stdout=subprocess.PIPE, text=True,
                                 check=True).stdout.splitlines()
    theirs = subprocess.run([*bare, "setarch", "-R", "perf", "stat", "-x,", "-e", "cycles:u,instructions:u", *counted],
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True).stderr
    ours = subprocess.run(["env", "-i", *environment, "setarch", "-R", PLAIT, "stat", "--json", "-e", "cycles:u,instructions:u",
                           "--", *counted], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True).stderr
    by_perf = {line.split(",")[2]: int(line.split(",")[0]) for line in theirs.splitlines() if ",,cycles" in line or ",,instr" in line}
    by_plait = {event["name"]: event["value"] for event in json.loads(ours.splitlines()[-1])["events"]}
    assert by_plait == by_perf
    assert by_plait["cycles:u"] == by_plait["instructions:u"] * CYCLES


def test_attributes_are_those_of_perf():
    done = subprocess.run([sys.executable, ROOT / "tests/fixtures/compare_attributes.py",
                           pathlib.Path(os.environ["PLAIT_TEST_BIN"]) / "print_attributes"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    print(done.stdout)


@pytest.mark.parametrize("event, said", [
    ("cycles:p", "ignores the p"), ("instructions:ppp", "ignores the p"), ("r3", "does not have event 0x03"),
    ("r10:u", "would count nothing"), ("armv8_pmuv3/event=0x24/", "does not have event 0x24"),
    ("cache-misses", "does not count it"), ("branch-misses:u", "does not count it"), ("ref-cycles", "does not count it")])
def test_what_the_pmu_takes_and_ignores_is_refused(event, said, tmp_path):
    if "armv8" in event and not os.path.exists("/sys/bus/event_source/devices/armv8_pmuv3"):
        event = event.replace("armv8_pmuv3", "armv8_pmuv3_0")
    result = record(tmp_path / "run.plait", "-e", event, check=False)
    assert result.returncode in (1, 2) and said in result.stderr
    assert not (tmp_path / "run.plait").exists()


def test_codes_that_it_has(tmp_path):
    program = ("/usr/bin/python3", "-S", "-c", "pass")
    counts = stat("-e", "r08:u,instructions:u,r11:u,cycles:u", "--", *program)
    assert counts["r08:u"]["value"] == counts["instructions:u"]["value"] > 0
    assert counts["r11:u"]["value"] == counts["cycles:u"]["value"] > 0


def test_no_data_sources(grouped):
    result = run_plait("report", "--memory", grouped)
    assert "no sample of this recording says where its data were" in " ".join((result.stdout + result.stderr).split())


def test_a_group_that_is_too_large(tmp_path):
    result = record(tmp_path / "run.plait", "-e", "{" + ",".join(["instructions:u"] * 8) + "}:S", check=False)
    assert result.returncode == 1 and "more counters at once" in result.stderr


def test_a_group_that_never_runs_is_said_to(tmp_path):
    """The kernel does not count a leader that is off when it looks whether the group fits: seven open, for six counters."""
    target = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        result = run_plait("record", "-o", tmp_path / "run.plait", "-e", "{" + ",".join(["instructions:u"] * 7) + "}:S", "-p",
                           target.pid, "-d", "0.5")
        counted = run_plait("stat", "-e", "{" + ",".join(["instructions:u"] * 7) + "}", "-p", target.pid, "-d", "0.2")
    finally:
        target.kill()
        target.wait()
    assert result.returncode == 0 and "never ran" in result.stderr, result.stderr
    assert "never ran" in run_plait("report", tmp_path / "run.plait").stdout
    assert "more counters" in counted.stderr or "never ran" in counted.stderr, counted.stderr


# ---- what is made of counts ----

@pytest.mark.parametrize("form", ["collapsed", "json", "speedscope", "pprof", "firefox", "chrome", "callgrind", "html"])
@pytest.mark.parametrize("event", ["cycles:u", "instructions:u"])
def test_exports(grouped, form, event, tmp_path):
    output = tmp_path / "exported"
    result = run_plait("export", "--format", form, "--event", event, "-o", output, grouped)
    assert result.returncode == 0, result.stderr
    assert output.stat().st_size > 500
    total = next(e["total"] for e in report_json(grouped)["recording"]["events"] if e["name"] == event)
    if form == "callgrind":
        text = output.read_text()
        assert int(re.search(r"^(?:summary|totals): (\d+)", text, re.M)[1]) == total
    if form == "json":
        exported = json.loads(output.read_text())["profile"]
        assert sum(sample["weight"] for sample in exported["samples"]) == total
    if form not in ("pprof", "html"):  # those are compressed
        assert "counted_loop" in output.read_text()


def test_annotated_lines(grouped):
    for event, an_instruction in (("cycles:u", CYCLES), ("instructions:u", 1)):
        result = run_plait("annotate", "--format", "json", "--event", event, grouped, PROGRAM)
        assert result.returncode == 0, result.stderr
        lines = {line["line"]: line["own"] for line in json.loads(result.stdout)["lines"]}
        for line, instructions in KNOWN.items():
            assert abs(lines[line] - TIMES * instructions * an_instruction) <= TIMES * (PERIOD + CALL) * an_instruction


def test_annotated_instructions(grouped):
    """The loop's two instructions have it all."""
    result = run_plait("annotate", "--format", "json", grouped, "counted_loop")
    assert result.returncode == 0, result.stderr
    known = TIMES * sum(KNOWN.values()) * CYCLES
    instructions = json.loads(result.stdout)["function"]["instructions"]
    own = [instruction["own"] for instruction in instructions if "own" in instruction]
    assert len(own) == 2 and abs(sum(own) - known) <= TIMES * len(KNOWN) * PERIOD * CYCLES
