"""plait annotate: Python lines, native instructions, and where their texts come from."""
import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from plait_runner import PLAIT, need_recording, pause, record, run_plait

JOB = '''import ctypes
import sys


def heavy(n):
    return sum(i * i for i in range(n)), [str(i) for i in range(n // 8)]


def native(rounds):
    library = ctypes.CDLL(sys.argv[1])
    library.hot_loop.argtypes = [ctypes.c_long]
    for _ in range(rounds):
        library.hot_loop(3000000)


if len(sys.argv) > 1:
    native(int(sys.argv[2]))
else:
    for _ in range(120):
        heavy(60000)
    total = 0
    for i in range(400000):
        total = total * 3 % 7 + (i * i) % 5
'''
HOT = '''long hot_loop(long n)
{
    volatile long sum = 0;
    for (long i = 0; i < n; i++)
        sum += i / 3;
    return sum;
}
'''


@pytest.fixture(autouse=True)
def can_record():
    need_recording()


@pytest.fixture
def job(tmp_path):
    path = tmp_path / "job.py"
    path.write_text(JOB)
    return path


@pytest.fixture
def library(tmp_path):
    if not shutil.which("cc"):
        pytest.skip("no C compiler")
    source = tmp_path / "hot.c"
    source.write_text(HOT)
    subprocess.run(["cc", "-O1", "-g", "-shared", "-fPIC", "-Wl,--build-id", "-o", tmp_path / "libhot.so", source],
                   check=True)
    return tmp_path / "libhot.so"


def annotate(*arguments):
    result = run_plait("annotate", *arguments, env=dict(os.environ, LC_ALL="C.UTF-8"))
    assert result.returncode == 0, result.stderr
    return result.stdout


def annotation(*arguments):
    return json.loads(annotate("--format", "json", *arguments))


def test_python_file(job, recording):
    record(recording, "--", sys.executable, job)
    document = annotation(recording, "job.py")
    assert document["file"] == str(job) and document["kind"] == "python"
    lines = {line["line"]: line for line in document["lines"]}
    assert lines[6]["own"] > 0.5 * document["all"], "the sums are made on line 6"
    assert lines[20]["total"] >= lines[6]["total"] and lines[20]["own"] < 0.1 * document["all"]
    assert lines[6]["text"].strip().startswith("return sum(")
    if sys.version_info >= (3, 11):
        # Line 6 has instructions that belong to no column (the start of its generator); line 23 has none of them.
        positions = list(compile(JOB, "job.py", "exec").co_positions())
        assert all(column is not None for line, _, column, _ in positions if line == 23)
        assert lines[23]["own"] == sum(span["own"] for span in document["spans"] if span["line"] == 23) > 0
        spans = [span for span in document["spans"] if span["line"] == 6]
        assert len(spans) > 1, "columns are known since CPython 3.11"
        for span in spans:
            if span["end_line"] == 6:
                assert JOB.splitlines()[5][span["column"]:span["end_column"]].strip()
        assert 0.9 * lines[6]["own"] < sum(span["own"] for span in spans) <= lines[6]["own"]
    text = annotate("--columns", "80", recording, "job.py")
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "has changed" not in text and "not here" not in text


def test_python_line_to_instructions(job, library, recording):
    record(recording, "--", sys.executable, job, library, "60")
    document = annotation(recording, "job.py:13")
    assert document["natives"][0]["frame"]["name"] == "hot_loop"
    assert document["natives"][0]["own"] > 0.8 * document["own"]
    assert document["hottest"]["name"] == "hot_loop"
    text = annotate("--columns", "80", recording, "job.py:13")
    assert "13▶" in text and "hottest instructions of hot_loop" in text
    assert f"plait annotate {recording} 'hot_loop'" in text
    assert annotation(recording, "job.py:native")["own"] == annotation(recording, "native")["own"]


def test_native_with_source(job, library, recording):
    record(recording, "--bundle-sources", "--", sys.executable, job, library, "60")
    library.unlink()  # and all that follows is from the recording alone
    (library.parent / "hot.c").unlink()
    job.unlink()
    function = annotation(recording, "hot_loop")["function"]
    assert function["bundled"] and not function["exact"]
    rows = function["instructions"]
    assert sum(row.get("own", 0) for row in rows) == function["own"] > 0
    assert {row["line"] for row in rows if row.get("own")} <= {4, 5} and rows[0]["file"].endswith("hot.c")
    jumps = [row for row in rows if function["start"] <= row.get("target", 0) < function["start"] + row["offset"]]
    assert jumps, "a loop jumps back"
    text = annotate("--columns", "80", recording, "hot_loop")
    assert "sum += i / 3;" in text and "►" in text and "one or more after" in text.replace("\n  ", " ")
    assert "not here" not in text and all(len(line) <= 80 for line in text.splitlines())
    assert "def heavy(n)" not in text
    assert "library.hot_loop(3000000)" in annotate(recording, "job.py")


def test_stripped_library(job, library, recording):
    subprocess.run(["strip", library], check=True)
    record(recording, "--", sys.executable, job, library, "60")
    text = annotate(recording, "hot_loop@libhot.so")
    assert "assembly only" in text and re.search(r" (idiv|imul|sdiv|smulh) ", text)
    document = annotation(recording, "hot_loop")
    start = document["function"]["start"]
    assert annotation(recording, f"{start + 1:#x}@libhot.so")["function"] == document["function"]


def test_code_from_the_file(job, library, recording):
    """A recorder that is killed bundles nothing: the file tells, if it is still the same."""
    with subprocess.Popen([PLAIT, "record", "-q", "-o", recording, "--", sys.executable, job, library, "2500"]) as plait:
        while plait.poll() is None and not recording.exists():  # 5.10 takes long to load the BPF program
            pause(0.05)
        pause(2)
        plait.kill()
    text = annotate(recording, "hot_loop")
    assert "sum += i / 3;" in text
    function = annotation(recording, "hot_loop")["function"]
    assert not function["bundled"] and function["own"] > 0
    (library.parent / "hot.c").write_text(HOT.replace("/ 3", "/ 7"))
    library.unlink()
    subprocess.run(["cc", "-O1", "-g", "-shared", "-fPIC", "-Wl,--build-id", "-o", library, library.parent / "hot.c"],
                   check=True)
    result = run_plait("annotate", recording, "hot_loop")
    assert result.returncode and "hot_loop" in result.stderr and not result.stdout


def test_probe_is_exact(job, library, recording):
    result = record(recording, "-e", f"uprobe:{library}:hot_loop", "--", sys.executable, job, library, "23", check=False)
    if result.returncode:
        pytest.skip(f"this host has no probes: {result.stderr.strip()}")
    function = annotation(recording, "hot_loop")["function"]
    assert function["exact"] and function["own"] == 23
    assert [row["offset"] for row in function["instructions"] if row.get("own")] == [0]


def test_changed_and_missing_source(job, recording):
    record(recording, "--", sys.executable, job)
    job.write_text("# another line\n" + JOB)
    assert "has changed since it was recorded" in " ".join(annotate(recording, "job.py").split())
    assert "has changed" in annotation(recording, "job.py")["note"]
    job.unlink()
    text = annotate(recording, "job.py")
    assert "is not here" in text and " 6" in text


def test_wrong_targets(job, recording):
    record(recording, "--", sys.executable, job)
    for target, advice in (("jop.py", "did you mean job.py?"), ("job.py:heavi", "did you mean heavy?"),
                           ("no_such_thing_at_all", "plait report --flat"), ("job.py:0", "no line 0")):
        result = run_plait("annotate", recording, target)
        assert result.returncode == 2 and advice in result.stderr, (target, result.stderr)
    result = run_plait("annotate", recording)
    assert result.returncode == 2 and "for example" in result.stderr
    assert "No sample of this event was in this line" in annotate(recording, "job.py:2")
