"""Grammar of legal stacks: every sample of a program whose every stack is known, on every interpreter found."""
import pytest

from grammar import Grammar
from interpreters import interpreters
from plait_runner import TARGETS, collapsed, record, trust

FOUND = interpreters()


@pytest.mark.parametrize("interpreter", FOUND, ids=lambda i: i.name)
def test_reentry(interpreter, recording):
    target = TARGETS / "reentry.py"
    record(recording, "-F", "4000", "--", interpreter.path, target, "3")
    stacks = collapsed(recording)
    checked, marked, problems = Grammar(target).check(stacks)
    assert not problems, "\n".join(f"{error}: {';'.join(stack.frames)}" for error, stack in problems[:5])
    assert checked > 3000
    # Until 3.10 a recursion 900 deep is 400 KB of stack, 4,000 times a second: a busy machine may lose some, counted.
    assert trust(recording)["lost"] < 0.05 * checked
    # Start and end of the process, and the windows that no profiler can see through, are marked; they must be rare.
    assert marked < 0.01 * (checked + marked), trust(recording)
    names = {frame.split(" (")[0].split(".")[-1] for stack in stacks for frame in stack.frames}
    expected = {"leaf_key", "leaf_map", "leaf_reduce", "__init__", "prop", "__lt__", "__getitem__", "__getattr__",
                "__call__", "__enter__", "__exit__", "__del__", "Body", "generator", "delegating", "coroutine",
                "inner_coroutine", "leaf_sub", "leaf_default", "leaf_compare", "deep", "deep_through_c"}
    assert expected <= names


def test_interpreters_found():
    """Says in the log which interpreters were tested."""
    print("interpreters:", ", ".join(i.name for i in FOUND))
    if not FOUND:
        pytest.skip("no CPython 3.8 to 3.15 found")
