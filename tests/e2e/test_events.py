"""Events that happen a known number of times on known lines: the report has exactly these."""
import collections
import json
import pathlib
import re
import subprocess
import sys

import pytest

from interpreters import interpreters
from plait_runner import ROOT, TARGETS, collapsed, record, report_json, run_plait, trust

PROGRAM = TARGETS / "known_counts.py"
LINES = {re.search(r"# (.*)$", line)[1]: number
         for number, line in enumerate(PROGRAM.read_text().splitlines(), 1) if re.search(r"\S  # ", line)}
PAGES, CALLS, OTHER_CALLS, SYSTEM_CALLS = 300, 37, 11, 21
NEWEST = max(interpreters(), key=lambda i: (i.major, i.minor)) if interpreters() else None


def by_line(recording, *options):
    """Samples by the innermost line of the program."""
    counts = collections.Counter()
    for stack in collapsed(recording, *options):
        found = re.findall(r"known_counts\.py:(\d+)\)", ";".join(stack.frames))
        if found:
            counts[int(found[-1])] += stack.count
    return counts


def libc_of(interpreter):
    code = "import ctypes; ctypes.CDLL(None); print([l.split()[-1] for l in open('/proc/self/maps') if 'libc.so' in l or 'libc-2' in l][0])"
    return subprocess.run([interpreter.path, "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def record_or_skip(recording, event, *command):
    result = run_plait("record", "-q", "-o", recording, "-e", event, "--", *command)
    if result.returncode and ("tracefs" in result.stderr or "making the probe" in result.stderr):
        pytest.skip(f"this host has none: {result.stderr.strip()}")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("interpreter", interpreters(), ids=lambda i: i.name)
def test_page_faults(interpreter, recording):
    record(recording, "-e", "page-faults", "--", interpreter.path, PROGRAM)
    assert by_line(recording)[LINES["first touch"]] == PAGES


def test_an_exec_has_no_stack_of_the_program_before(recording):
    """The kernel touches the new program's pages before that has run: its registers are still the old program's."""
    record(recording, "-e", "page-faults", "--", "/bin/true")
    stacks = [stack for stack in collapsed(recording) if any("execve" in frame for frame in stack.frames)]
    assert stacks, "the kernel made the program's stack without a page fault"
    assert all("kernel" in stack.frames[0] for stack in stacks), stacks
    figures = trust(recording)
    assert figures["complete"] == figures["samples"]


@pytest.mark.parametrize("interpreter", interpreters(), ids=lambda i: i.name)
@pytest.mark.parametrize("kind", ["uprobe", "uretprobe"])
def test_probes(interpreter, kind, recording):
    record_or_skip(recording, f"{kind}:{libc_of(interpreter)}:abs", interpreter.path, PROGRAM)
    assert by_line(recording) == {LINES["call"]: CALLS, LINES["other call"]: OTHER_CALLS}
    figures = trust(recording)
    assert figures["lost"] == 0
    assert figures["complete"] == figures["samples"] == CALLS + OTHER_CALLS


def test_probe_of_a_program_behind_shells(recording):
    """Children of children, some of which end: the kernel must keep the breakpoint in the right process."""
    script = f"x=$(true); (true); exec {NEWEST.path} {PROGRAM}"
    record_or_skip(recording, f"uprobe:{libc_of(NEWEST)}:abs", "bash", "-c", f"bash -c '{script}'; true")
    assert by_line(recording) == {LINES["call"]: CALLS, LINES["other call"]: OTHER_CALLS}
    assert trust(recording)["complete"] == CALLS + OTHER_CALLS


def test_probe_of_a_file_that_others_use(recording):
    """Where the kernel must put the breakpoint into every process, hits of others are no samples, and none is missed."""
    other = subprocess.Popen([NEWEST.path, "-c", "import ctypes\nf = ctypes.CDLL(None).abs\nwhile True: f(-1)"])
    try:
        record_or_skip(recording, f"uprobe:{libc_of(NEWEST)}:abs", "bash", "-c", f"{NEWEST.path} {PROGRAM}; true")
    finally:
        other.kill()
        other.wait()
    assert by_line(recording) == {LINES["call"]: CALLS, LINES["other call"]: OTHER_CALLS}
    figures = trust(recording)
    assert figures["lost"] == 0
    assert figures["complete"] == figures["samples"] == CALLS + OTHER_CALLS


def test_probes_are_taken_away(recording):
    record_or_skip(recording, f"uprobe:{libc_of(NEWEST)}:abs,cpu-clock", NEWEST.path, PROGRAM)
    left = [path for path in pathlib.Path("/sys/kernel/tracing").glob("events/plait_*")]
    assert not left


@pytest.mark.parametrize("interpreter", interpreters(), ids=lambda i: i.name)
def test_tracepoint(interpreter, recording):
    record_or_skip(recording, "syscalls:sys_enter_getppid", interpreter.path, PROGRAM)
    assert by_line(recording) == {LINES["system call"]: SYSTEM_CALLS}
    figures = trust(recording)
    assert figures["complete"] == figures["samples"] and figures["lost"] == 0


def test_many_events_at_once(recording):
    """Each has its own samples, whatever the others do."""
    events = f"uprobe:{libc_of(NEWEST)}:abs,page-faults,syscalls:sys_enter_getppid,cpu-clock@200hz,context-switches"
    record_or_skip(recording, events, NEWEST.path, PROGRAM)
    names = [event["name"] for event in report_json(recording)["recording"]["events"]]
    assert names == [name.split("@")[0] for name in events.split(",")]
    assert by_line(recording, "--event", names[0]) == {LINES["call"]: CALLS, LINES["other call"]: OTHER_CALLS}
    assert by_line(recording, "--event", "page-faults")[LINES["first touch"]] == PAGES
    assert by_line(recording, "--event", names[2]) == {LINES["system call"]: SYSTEM_CALLS}


def records_of(recording):
    done = subprocess.run([sys.executable, ROOT / "tests" / "fixtures" / "read_recording.py", recording],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if "needs the zstd program" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("members", ["page-faults,context-switches", "msr/tsc/"])
def test_group(members, recording):
    result = run_plait("record", "-q", "-o", recording, "-e", "{cpu-clock," + members + "}:S", "--", NEWEST.path, PROGRAM)
    if "no PMU 'msr'" in result.stderr:
        pytest.skip(result.stderr.strip())
    assert result.returncode == 0, result.stderr
    records = records_of(recording)
    samples = [r for r in records if r.get("record") == 10]
    assert samples and all(len(sample["reads"]) == 2 + members.count(",") for sample in samples)
    counts = {r["event"]: r for r in records if r.get("record") == 16}
    sums = collections.Counter()
    for sample in samples:
        for event, value in sample["reads"]:
            sums[event] += value
    for event, count in counts.items():
        assert 0.9 * count["enabled"] < count["running"] <= count["enabled"]  # nothing shares a counter here
        assert sums[event] <= count["value"]
    assert sums[0] > counts[0]["value"] * 0.8
    traits = [r for r in records if r.get("record") == 15]
    assert [t["counting"] for t in traits] == [0] + [1] * (1 + members.count(","))
    assert {t["leader"] for t in traits} == {0}


@pytest.mark.parametrize("arguments, said", [
    (["-e", "{cpu-clock,page-faults"], "closing brace"),
    (["-e", "cycels"], "did you mean cycles"),
    (["-e", "{msr/tsc/,cpu-clock}:S"], "only counts"),
    (["-M", "ips"], "ipc, cache"),
    (["-e", "uprobe:/nowhere:f"], "/nowhere"),
    (["-e", "cpu-clock@x"], "no rate"),
])
def test_wrong_events(arguments, said, tmp_path):
    result = run_plait("record", "-o", tmp_path / "x.plait", *arguments, "--", "true")
    if "no PMU 'msr'" in result.stderr:
        pytest.skip(result.stderr.strip())
    assert result.returncode in (1, 2)
    assert said in result.stderr
    assert not (tmp_path / "x.plait").exists()
