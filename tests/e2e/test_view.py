"""plait view on a real terminal: what is on the screen after which keys, and how it leaves."""
import os
import re
import signal
import subprocess
import time

import pytest

from plait_runner import PLAIT, need_recording, record, run_plait
from terminal import Terminal, pyte

JOB = '''import threading


def inner(n):
    return sum(i * i for i in range(n))


def outer(rounds):
    for _ in range(rounds):
        inner(30000)


def other(rounds):
    for _ in range(rounds):
        sorted(range(20000), key=lambda x: -x)


threads = [threading.Thread(target=other, args=(200,))]
for thread in threads:
    thread.start()
outer(400)
for thread in threads:
    thread.join()
'''


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    if not pyte:
        pytest.skip("needs pyte (Debian: python3-pyte)")
    need_recording()
    folder = tmp_path_factory.mktemp("view")
    (folder / "job.py").write_text(JOB)
    record(folder / "run.plait", "-e", "cpu-clock,page-faults", "--", "/usr/bin/python3", folder / "job.py")
    return folder / "run.plait"


def test_the_first_screen_has_the_hot_path_and_the_trust_figures(recorded):
    with Terminal("view", recorded) as terminal:
        terminal.wait("?: keys")
        assert "job.py" in terminal.lines[0]
        assert re.match(r"Stacks   complete [\d,]+ \(", terminal.lines[1])
        assert "[1 tree] 2 callers  3 functions  4 lines" in terminal.text
        assert re.search(r"cpu-clock  [\d,]+ samples", terminal.text)
        assert re.search(r"▾ outer +job.py:10 +inner\(30000\)", terminal.text)
        assert terminal.press("q").end() == 0
        assert terminal.is_restored()


def test_report_tui_is_the_same(recorded):
    with Terminal("report", "--tui", "--lines", recorded) as terminal:
        terminal.wait("[4 lines]")
        assert terminal.press("q").end() == 0


@pytest.mark.parametrize("command", [["view"], ["report", "--tui"]])
def test_not_a_terminal(recorded, command):
    result = run_plait(*command, recorded)
    assert result.returncode == 1
    assert "needs a terminal" in result.stderr and "plait report" in result.stderr
    assert result.stdout == ""
