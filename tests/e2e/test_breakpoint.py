"""Hardware breakpoints as exact oracles: an event that fires a known number of times, each time with a known stack."""
import collections
import subprocess

import pytest

from grammar import Grammar, is_marked, python_frame
from interpreters import interpreters
from plait_runner import PLAIT, SLOWNESS, TARGETS, collapsed, pause, run_plait, trust

PROGRAM = TARGETS / "watched.py"
TIMES = 200
WRITES = {"by_call": 1, "by_sorted": 1, "by_map": 1, "by_reduce": 1, "by_generator": 1, "by_object": 3, "by_ctypes": 1}


def why_no_breakpoints(folder):
    result = run_plait("record", "-q", "-o", folder / "probe.plait", "-e", "mem:0x1000:w", "--", "true")
    return result.stderr.strip() if result.returncode else None


def record_writes(command, recording, times=TIMES):
    """Records the program, run by `command`, from before its first write on."""
    target = subprocess.Popen([*command, PROGRAM, str(times)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
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


def check_writes(recording, times=TIMES):
    """All of them are there, each with its stack."""
    stacks = collapsed(recording)
    figures = trust(recording)
    assert figures["lost"] == 0
    assert figures["complete"] == figures["samples"] == times * sum(WRITES.values())
    grammar = Grammar(PROGRAM)
    counts = collections.Counter()
    for stack in stacks:
        assert not is_marked(stack) and not grammar.errors(stack), stack
        python = [frame for frame in map(python_frame, stack.frames) if frame]
        assert python[-1][:1] == ("write",), stack
        assert "ctypes" in stack.frames[-1] or "ctypes" in stack.frames[-2], stack
        counts[next(name for name, file, line in python if name in WRITES)] += stack.count
    assert counts == {name: times * writes for name, writes in WRITES.items()}


@pytest.mark.parametrize("interpreter", interpreters(), ids=lambda i: i.name)
def test_every_write_has_its_stack(interpreter, recording):
    reason = why_no_breakpoints(recording.parent)
    if reason:
        pytest.skip(f"this host has no hardware breakpoints: {reason}")
    record_writes([interpreter.path], recording)
    check_writes(recording)
