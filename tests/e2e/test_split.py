"""A known split of CPU time, calibrated by thread CPU clocks, against the recording."""
import math
import sys

import pytest

from interpreters import interpreters
from plait_runner import SLOWNESS, collapsed, record

PROGRAM = f"""
import json, sys, time, zlib
DATA = bytes(range(256)) * 400
def python_work():
    total = 0
    for i in range(20000): total += i * i
def sort_work():
    sorted(range(20000, 0, -1), key=lambda x: -x)
def zlib_work():
    zlib.compress(DATA, 6)
spent = dict.fromkeys(["python_work", "sort_work", "zlib_work"], 0)
def measured(work):
    begin = time.thread_time_ns()
    work()
    spent[work.__name__] += time.thread_time_ns() - begin
end = time.process_time() + {4 * SLOWNESS}
while time.process_time() < end:
    for work in (python_work, sort_work, zlib_work): measured(work)
print(json.dumps(spent))
"""


@pytest.mark.engines("bpf", "agent")
@pytest.mark.parametrize("interpreter", dict.fromkeys(interpreters()[-1:] + interpreters()[:1]), ids=lambda i: i.name)
def test_shares_of_cpu_time(interpreter, recording, tmp_path):
    import json
    program = tmp_path / "split.py"
    program.write_text(PROGRAM)
    spent = json.loads(record(recording, "--", interpreter.path, program).stdout)
    counts = dict.fromkeys(spent, 0)
    for stack in collapsed(recording):
        for name in counts:
            if any(frame.startswith(name + " (") for frame in stack.frames):
                counts[name] += stack.count
    samples, total = sum(counts.values()), sum(spent.values())
    assert samples > 2000
    if SLOWNESS > 1 and samples < 0.9 * 999 * total / 1e9:
        pytest.skip(f"{samples} samples of {total / 1e9:.1f} s: an emulated processor that waits for its host loses interrupts, unevenly")
    for name in counts:
        truth = spent[name] / total
        # Five standard deviations of the sampling error, and one point for stalls of a virtual machine.
        allowed = 5 * math.sqrt(truth * (1 - truth) / samples) + 0.01
        assert abs(counts[name] / samples - truth) < allowed, (name, counts, spent)
