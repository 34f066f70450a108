"""Grammar of legal stacks: every sample of a program whose every stack is known, on every interpreter found."""
import pytest

import plait_runner
from grammar import Grammar
from interpreters import interpreters
from plait_runner import SLOWNESS, TARGETS, collapsed, rate, record, trust

FOUND = interpreters()


@pytest.mark.engines("bpf", "agent", "ptrace")
@pytest.mark.parametrize("interpreter", FOUND, ids=lambda i: i.name)
def test_reentry(interpreter, recording):
    target = TARGETS / "reentry.py"
    stops = plait_runner.engine == "ptrace"
    record(recording, "-F", rate(4000), "--", interpreter.path, target, 3 * SLOWNESS * (SLOWNESS if stops else 1))
    stacks = collapsed(recording)
    checked, marked, problems = Grammar(target).check(stacks)
    assert not problems, "\n".join(f"{error}: {';'.join(stack.frames)}" for error, stack in problems[:5])
    # A stop takes the longer the busier, or slower, the machine is.
    assert checked > (1000 // SLOWNESS if stops else 3000)
    # Until 3.10 a recursion 900 deep is 400 KB of stack, 4,000 times a second: a busy machine may lose some, counted, and
    # an emulated one, which takes milliseconds for such a stack, more.
    assert trust(recording)["lost"] < 0.05 * SLOWNESS * checked
    # Start and end of the process, and the windows that no profiler can see through, are marked; they must be rare.
    assert marked < 0.01 * (checked + marked), trust(recording)
    names = {frame.split(" (")[0].split(".")[-1] for stack in stacks for frame in stack.frames}
    expected = {"leaf_key", "leaf_map", "leaf_reduce", "__init__", "prop", "__lt__", "__getitem__", "__getattr__",
                "__call__", "__enter__", "__exit__", "__del__", "Body", "generator", "delegating", "coroutine",
                "inner_coroutine", "leaf_sub", "leaf_default", "leaf_compare", "deep", "deep_through_c"}
    assert expected <= names


@pytest.mark.engines("bpf", "agent", "ptrace")
@pytest.mark.parametrize("kind", ["legacy", "isolated"])
@pytest.mark.parametrize("interpreter", FOUND, ids=lambda i: i.name)
def test_subinterpreters(interpreter, kind, recording):
    """Two threads in interpreters that call each other; "isolated" ones have a GIL of their own from 3.12 on."""
    if kind == "isolated" and interpreter[:2] < (3, 12):
        pytest.skip("before 3.12 there is one kind of sub-interpreter")
    target = TARGETS / "subinterpreters.py"
    stops = plait_runner.engine == "ptrace"
    seconds = SLOWNESS * min(SLOWNESS, 3) if stops else SLOWNESS
    record(recording, "-F", rate(2000), "--", interpreter.path, target, seconds, kind)
    stacks = collapsed(recording)
    checked, marked, problems = Grammar(target).check(stacks)
    assert not problems, "\n".join(f"{error}: {';'.join(stack.frames)}" for error, stack in problems[:5])
    figures = trust(recording)
    if interpreter[:2] < (3, 10):
        # Without anchors, chains of several thread states cannot all be placed; what is not is marked.
        assert checked > (500 // SLOWNESS if stops else 500)
        return
    assert checked > (1000 // SLOWNESS if stops else 1000)
    # The only frames without a proven place are those of windows in which 3.11 and 3.12 cannot be walked; those of a
    # start that a busy machine let run on before plait had looked at the interpreter; and, rarely, outer frames of
    # another interpreter: its thread state is found through the list of interpreters, which the other thread may be
    # changing at that instant (a new one is put at its head before its `next` is set: 3.13, Python/pystate.c).
    unmerged = [stack for stack in stacks if "[unmerged]" in stack.frames]
    late = [stack for stack in unmerged if not any(f.startswith("Py_InitializeFromConfig ") for f in stack.frames)]
    # (An interpreter's end, in which 3.12 has no thread state, lasts for many times as long on an emulated processor.)
    allowed = (0.005 * min(SLOWNESS, 2) if interpreter[:2] in ((3, 11), (3, 12)) else 0.001) * checked
    assert sum(stack.count for stack in late) <= allowed, "\n".join(";".join(stack.frames) for stack in late[:5])
    assert marked < 0.01 * checked, figures
    names = {tuple(frame.split(" (")[0].split(".")[-1] for frame in stack.frames) for stack in stacks}
    for path in (("rounds", "enter", "inner", "busy", "spin"), ("rounds", "enter", "nested", "enter", "inner", "busy"),
                 ("inner", "busy", "by_sorted", "leaf_key"), ("inner", "busy", "without_gil"), ("worker", "rounds")):
        assert any(is_subsequence(path, stack) for stack in names), path


def is_subsequence(path, stack):
    rest = iter(stack)
    return all(name in rest for name in path)


def test_interpreters_found():
    """Says in the log which interpreters were tested."""
    print("interpreters:", ", ".join(i.name for i in FOUND))
    if not FOUND:
        pytest.skip("no CPython 3.8 to 3.15 found")
