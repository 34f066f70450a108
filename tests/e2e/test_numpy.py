"""The main job: Python lines with the BLAS kernels they cause inside them."""
import os
import pathlib
import subprocess
import sys

import pytest

from interpreters import interpreters
from plait_runner import ROOT, SLOWNESS, collapsed, record, run_plait, trust


def with_numpy():
    for interpreter in interpreters():
        probe = subprocess.run([interpreter.path, "-c", "import numpy"], stderr=subprocess.DEVNULL)
        if probe.returncode == 0:
            yield interpreter
    newest = ROOT / "build" / "numpy-venv" / "bin" / "python"
    if newest.exists():
        yield type("Venv", (), {"path": str(newest), "name": "newest NumPy wheel"})


FOUND = list(with_numpy())


@pytest.mark.engines("bpf", "agent", "ptrace")
@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.parametrize("interpreter", FOUND, ids=lambda i: i.name)
def test_blas_is_inside_its_line(interpreter, threads, recording):
    program = ROOT / "examples" / "train.py"
    environment = dict(os.environ, OPENBLAS_NUM_THREADS=threads)
    record(recording, "--", interpreter.path, program, "4", env=environment)
    lines = program.read_text().splitlines()
    product = next(n for n, line in enumerate(lines, 1) if "x @ w" in line)
    stacks = collapsed(recording)
    in_blas = [s for s in stacks if any("blas" in f and f.endswith("]") for f in s.frames)]
    on_line = [s for s in in_blas if f"step ({program}:{product})" in s.frames]
    assert sum(s.count for s in on_line) > 100 // SLOWNESS  # a stop of engine ptrace takes long there
    for stack in on_line:
        python = stack.frames.index(f"step ({program}:{product})")
        assert any("blas" in f for f in stack.frames[python + 1:]), stack
        assert not any("blas" in f for f in stack.frames[:python]), stack
    figures = trust(recording)
    assert figures["complete"] >= 0.99 * figures["samples"], figures


def test_found():
    if not FOUND:
        pytest.skip("no interpreter with NumPy found")
    print("NumPy in:", ", ".join(i.name for i in FOUND))


def test_text_report_shows_line_and_kernel(recording):
    if not FOUND:
        pytest.skip("no interpreter with NumPy found")
    record(recording, "--", FOUND[0].path, ROOT / "examples" / "train.py", "2")
    text = run_plait("report", recording).stdout
    assert "train.py" in text and "blas" in text and "complete" in text
    lines = run_plait("report", "--lines", recording).stdout
    assert "train.py" in lines
    flat = run_plait("report", "--flat", recording).stdout
    assert "blas" in flat
