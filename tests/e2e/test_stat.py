"""plait stat and plait list as a user calls them."""
import json
import re
import subprocess
import sys

import pytest

from plait_runner import TARGETS, run_plait

PROGRAM = TARGETS / "known_counts.py"


def stat(*arguments):
    result = run_plait("stat", *arguments)
    if "perf_event_paranoid" in result.stderr and result.returncode:
        pytest.skip(f"this host refuses to count: {result.stderr.strip()}")
    return result


def counts(*arguments):
    result = stat("--json", *arguments)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stderr.strip().splitlines()[-1])


def value(document, name):
    return next(event["value"] for event in document["events"] if event["name"].split(":u")[0] == name)


def test_counts_of_a_command():
    document = counts("-e", "page-faults,task-clock", "--", sys.executable, PROGRAM)
    less = counts("-e", "page-faults", "--", sys.executable, "-c", "pass")
    assert value(document, "page-faults") >= value(less, "page-faults") + 300  # the pages that it touches
    assert value(document, "task-clock") > 0
    assert document["elapsed_s"] > 0 and document["runs"] == 1


def test_exact_counts():
    libc = subprocess.run([sys.executable, "-c", "import ctypes; ctypes.CDLL(None); print([l.split()[-1] for l in "
                           "open('/proc/self/maps') if 'libc.so' in l or 'libc-2' in l][0])"], stdout=subprocess.PIPE,
                          text=True, check=True).stdout.strip()
    result = stat("--json", "-e", f"uprobe:{libc}:abs,syscalls:sys_enter_getppid", "--", sys.executable, PROGRAM)
    if result.returncode:
        pytest.skip(f"this host has no probes: {result.stderr.strip()}")
    values = [event["value"] for event in json.loads(result.stderr)["events"]]
    assert values == [48, 21]


def test_text_has_every_default_event():
    result = stat("--", "true")
    assert result.returncode == 0
    for name in ("task-clock", "context-switches", "cpu-migrations", "page-faults", "cycles", "instructions",
                 "branches", "branch-misses", "elapsed", "user", "system"):
        assert re.search(rf"\b{name}\b", result.stderr), name
    refused = re.findall(r"<not supported> +(\S+)", result.stderr)  # all that need a counter, or some of them
    if refused:
        assert re.search(rf"^{', '.join(refused)}: .*(PMU|counter)", result.stderr, re.M)
    assert max(map(len, result.stderr.splitlines())) <= 110


def test_repeat():
    document = counts("-r", "3", "-e", "page-faults", "--", "true")
    assert document["runs"] == 3
    assert document["events"][0]["spread_percent"] >= 0


def test_group_with_a_counter():
    result = stat("--json", "-e", "{cpu-clock,msr/tsc/}", "--", sys.executable, "-c", "sum(range(10**6))")
    if result.returncode or json.loads(result.stderr)["events"][1]["value"] is None:
        pytest.skip("this host has no PMU 'msr'")
    clock, ticks = (event["value"] for event in json.loads(result.stderr)["events"])
    assert 0.3 < ticks / clock < 10  # GHz


def test_attached_process():
    target = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        document = counts("-p", target.pid, "-d", "500ms", "-e", "task-clock")
    finally:
        target.kill()
        target.wait()
    assert 0.05e9 < value(document, "task-clock") < 0.8e9


@pytest.mark.parametrize("words, status, said", [
    (["--", "/no/such/program"], 127, "/no/such/program"),
    (["-p", "999999999"], 1, "no process"),
    ([], 2, "nothing to count"),
    (["-e", "cycels", "--", "true"], 2, "did you mean cycles"),
    (["-a", "--", "true"], 2, "cannot be combined"),
    (["-r", "2", "-a"], 2, "-r"),
])
def test_refusals(words, status, said):
    result = stat(*words)
    assert result.returncode == status
    assert said in result.stderr


def test_exit_status_is_the_commands():
    assert stat("-e", "task-clock", "--", "sh", "-c", "exit 7").returncode == 7


def test_output_file(tmp_path):
    result = stat("-e", "page-faults", "-o", tmp_path / "counts", "--", "true")
    assert result.returncode == 0 and result.stderr == ""
    assert "page-faults" in (tmp_path / "counts").read_text()


def test_list():
    result = run_plait("list")
    assert result.returncode == 0
    for name in ("cpu-clock", "cache-misses", "ipc", "uprobe:", "mem:0x"):
        assert name in result.stdout, name


def test_list_says_what_can_be_counted():
    """What is listed as countable can be counted, what is marked cannot."""
    entries = [e for e in json.loads(run_plait("list", "--json").stdout) if e["source"] in ("software", "hardware")]
    assert len(entries) > 30
    for entry in entries:
        result = stat("--json", "-e", f"{entry['name']}:u,task-clock:u", "--", "true")
        counted = "not_supported" not in json.loads(result.stderr)["events"][0]
        assert counted == (entry["counts"] or entry["reason"] == "it opens, and counts nothing"), entry


def test_list_word():
    result = run_plait("list", "page")
    names = [line.split()[0 if line.startswith(" ") else 1] for line in result.stdout.splitlines()
             if line[:1] in " -" and line.strip()]
    assert "page-faults" in names and "cpu-clock" not in names
    nothing = run_plait("list", "no-such-thing-anywhere")
    assert nothing.returncode == 1 and "no event has" in nothing.stderr
