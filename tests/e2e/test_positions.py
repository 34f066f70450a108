"""Line tables against CPython itself: every instruction of every code object of the standard library, in each version."""
import os
import pathlib
import re
import subprocess
import sys

import pytest

from interpreters import ROOT, interpreters

FOUND = interpreters()
FIXTURES = ROOT / "tests" / "fixtures"
CHECK = pathlib.Path(os.environ.get("PLAIT_TEST_BIN", ROOT / "build" / "dev" / "tests")) / "line_table_check"


def dump_and_check(interpreter, output, *sources):
    """What line_table_check says: (code objects, instructions, differences)."""
    subprocess.run([interpreter.path, "-I", FIXTURES / "dump_positions.py", output, *sources], check=True, timeout=600)
    result = subprocess.run([CHECK, output], stdout=subprocess.PIPE, universal_newlines=True, timeout=600)
    print(f"{interpreter.name}: {result.stdout.rstrip()}")
    counts = re.search(r"^(\d+) code objects, (\d+) instructions, \d+ bytes of line tables, (\d+) differences$",
                       result.stdout, re.MULTILINE)
    assert counts, result.stdout
    codes, instructions, differences = map(int, counts.groups())
    assert (result.returncode == 0) == (differences == 0), result.stdout
    return codes, instructions, differences


@pytest.mark.parametrize("interpreter", FOUND, ids=lambda i: i.name)
def test_positions(interpreter, tmp_path):
    codes, instructions, differences = dump_and_check(interpreter, tmp_path / "positions")
    (tmp_path / "positions").unlink()
    assert differences == 0
    assert codes > 5000 and instructions > 200000


@pytest.mark.parametrize("interpreter", FOUND[-1:], ids=lambda i: i.name)
def test_a_difference_is_noticed(interpreter, tmp_path):
    """The oracle itself: one line table that says something else."""
    source = tmp_path / "source.py"
    source.write_text("def f(x):\n    y = x\n    return y\n")
    dump_and_check(interpreter, tmp_path / "positions", source)
    data = bytearray((tmp_path / "positions").read_bytes())
    data[-13] ^= 1  # the last run's line
    (tmp_path / "positions").write_bytes(data)
    result = subprocess.run([CHECK, tmp_path / "positions"], stdout=subprocess.PIPE, universal_newlines=True)
    assert result.returncode == 1 and "CPython says" in result.stdout


def test_interpreters_found():
    """Says in the log which interpreters were tested."""
    print("interpreters:", ", ".join(i.name for i in FOUND), file=sys.stderr)
    if not FOUND:
        pytest.skip("no CPython 3.8 to 3.15 found")
