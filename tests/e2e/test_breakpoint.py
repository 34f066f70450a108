"""Hardware breakpoints as exact oracles: an event that fires a known number of times, each time with a known stack."""
import collections
import subprocess

import pytest

from grammar import Grammar, is_marked, python_frame
from interpreters import interpreters
from plait_runner import PLAIT, SLOWNESS, TARGETS, collapsed, pause, run_plait, trust

TIMES = 200
EXPECTED = {"by_call": TIMES, "by_sorted": TIMES, "by_map": TIMES, "by_reduce": TIMES, "by_generator": TIMES,
            "by_object": 3 * TIMES, "by_ctypes": TIMES}


def why_no_breakpoints(folder):
    result = run_plait("record", "-q", "-o", folder / "probe.plait", "-e", "mem:0x1000:w", "--", "true")
    return result.stderr.strip() if result.returncode else None


@pytest.mark.parametrize("interpreter", interpreters(), ids=lambda i: i.name)
def test_every_write_has_its_stack(interpreter, recording):
    reason = why_no_breakpoints(recording.parent)
    if reason:
        pytest.skip(f"this host has no hardware breakpoints: {reason}")
    program = TARGETS / "watched.py"
    target = subprocess.Popen([interpreter.path, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    address = target.stdout.readline().decode().strip()
    recorder = subprocess.Popen([PLAIT, "record", "-o", str(recording), "-e", f"mem:{address}/8:w", "-p",
                                 str(target.pid)], stderr=subprocess.PIPE)
    try:
        assert recorder.stderr.readline().startswith(b"plait: bpf engine")  # its program is loaded
        pause(1)
        target.stdin.write(b"\n")
        target.stdin.close()
        assert target.wait(60 * SLOWNESS) == 0
        assert recorder.wait(60 * SLOWNESS) == 0, recorder.stderr.read()
    finally:
        target.kill()
        recorder.kill()
        target.stdout.close()
        recorder.stderr.close()
    stacks = collapsed(recording)
    figures = trust(recording)
    assert figures["lost"] == 0
    assert figures["complete"] == figures["samples"] == sum(EXPECTED.values())
    grammar = Grammar(program)
    counts = collections.Counter()
    for stack in stacks:
        assert not is_marked(stack) and not grammar.errors(stack), stack
        python = [frame for frame in map(python_frame, stack.frames) if frame]
        assert python[-1][:1] == ("write",), stack
        assert "ctypes" in stack.frames[-1] or "ctypes" in stack.frames[-2], stack
        counts[next(name for name, file, line in python if name in EXPECTED)] += stack.count
    assert counts == EXPECTED
