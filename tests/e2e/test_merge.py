"""plait merge: the sum of its inputs, processes apart."""
import collections
import json

import pytest

from plait_runner import collapsed, need_recording, record, run_plait

PROGRAM = "import time\ndef f(n):\n    return sum(range(n))\nend = time.process_time() + {seconds}\nwhile time.process_time() < end: f(2000)\n"


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    need_recording()
    folder = tmp_path_factory.mktemp("merge")
    (folder / "a.py").write_text(PROGRAM.format(seconds=0.6))
    (folder / "b.py").write_text(PROGRAM.format(seconds=0.4))
    for name in "ab":
        record(folder / f"{name}.plait", "-e", "cpu-clock", "-e", "page-faults", "--", "/usr/bin/python3", folder / f"{name}.py")
    return folder


def report(path, *options):
    return json.loads(run_plait("report", "--format", "json", *options, path).stdout)


def test_merged_is_the_sum(parts, tmp_path):
    result = run_plait("merge", parts / "a.plait", parts / "b.plait", "-o", tmp_path / "c.plait")
    assert result.returncode == 0, result.stderr
    for event in ("cpu-clock", "page-faults"):
        both = collections.Counter()
        for name in "ab":
            both.update({tuple(stack): count for stack, count in collapsed(parts / f"{name}.plait", "--event", event)})
        assert dict(both) == {tuple(stack): count for stack, count in
                              collapsed(tmp_path / "c.plait", "--event", event)}
    merged, a, b = (report(path) for path in (tmp_path / "c.plait", parts / "a.plait", parts / "b.plait"))
    for word in a["trust"]:
        assert merged["trust"][word] == a["trust"][word] + b["trust"][word]
    assert len(merged["recording"]["events"]) == 2
    for i, event in enumerate(merged["recording"]["events"]):
        assert event["counted"] == a["recording"]["events"][i]["counted"] + b["recording"]["events"][i]["counted"]
    assert {p["pid"] for p in merged["recording"]["processes"]} == \
        {p["pid"] for part in (a, b) for p in part["recording"]["processes"]}
    assert "and 1 other" in merged["recording"]["command"]
    assert merged["recording"]["seconds"] > a["recording"]["seconds"]  # b came after a
    times = [float(json.loads(line)["time"]) for line in
             run_plait("script", "--format", "json", tmp_path / "c.plait").stdout.splitlines()]
    assert max(times) > a["recording"]["seconds"]


def test_one_input_twice_and_equal_pids(parts, tmp_path):
    assert run_plait("merge", "-q", parts / "a.plait", parts / "a.plait", "-o", tmp_path / "c.plait").stderr == ""
    once, twice = report(parts / "a.plait"), report(tmp_path / "c.plait")
    assert len(twice["recording"]["processes"]) == 2 * len(once["recording"]["processes"])
    assert twice["trust"]["samples"] == 2 * once["trust"]["samples"]
    assert twice["recording"]["command"] == once["recording"]["command"]


def test_cut_damaged_and_wrong_inputs(parts, tmp_path):
    content = (parts / "a.plait").read_bytes()
    (tmp_path / "cut.plait").write_bytes(content[:len(content) // 2])
    result = run_plait("merge", tmp_path / "cut.plait", parts / "b.plait", "-o", tmp_path / "c.plait")
    assert result.returncode == 0, result.stderr
    assert "1 of the recordings was cut off" in result.stderr
    assert report(tmp_path / "c.plait")["trust"]["samples"] >= report(parts / "b.plait")["trust"]["samples"]
    said = run_plait("report", tmp_path / "c.plait").stdout
    assert "was cut off" in said
    # names are looked up, as in a report of the cut recording itself
    (tmp_path / "zero.plait").write_bytes(content[:len(content) - 8])
    assert run_plait("merge", tmp_path / "zero.plait", "-o", tmp_path / "one.plait").returncode == 0
    assert any("[libc.so.6]" in frame and not frame.startswith("0x") for stack, _ in collapsed(tmp_path / "one.plait")
               for frame in stack)
    for words, said in ([[], "no recordings to merge"],
                        [[parts / "a.plait", "-o", parts / "a.plait"], "read and written"],
                        [[parts / "none.plait", "-o", tmp_path / "d.plait"], "cannot open"],
                        [[parts / "a.py", "-o", tmp_path / "d.plait"], "not a plait recording"]):
        result = run_plait("merge", *words)
        assert result.returncode != 0 and said in result.stderr, result.stderr
