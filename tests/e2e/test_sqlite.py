"""plait export --format sqlite: the queries of docs/sqlite.md, run as they stand there, agree with plait's own JSON report."""
import collections
import re
import sqlite3

import pytest

from plait_runner import ROOT, collapsed, need_recording, record, report_json, run_plait

PROGRAM = """
import threading, mmap, time
def recursive(n):
    return n if n < 2 else recursive(n - 1) + recursive(n - 2)
def negative(x):
    return -x
def sorter(n):
    return sorted(range(n), key=negative)
def touch(pages):
    area = mmap.mmap(-1, pages * 4096)
    for i in range(pages):
        area[i * 4096] = 1
def work():
    end = time.thread_time() + 0.5
    while time.thread_time() < end:
        recursive(12)
        sorter(3000)
thread = threading.Thread(target=work, name="worker")
thread.start()
touch(200)
work()
thread.join()
"""


@pytest.fixture(scope="module")
def profile(tmp_path_factory):
    need_recording()
    folder = tmp_path_factory.mktemp("sqlite")
    (folder / "program.py").write_text(PROGRAM)
    record(folder / "run.plait", "-e", "cpu-clock@997hz,page-faults", "--", "/usr/bin/python3", folder / "program.py")
    return folder / "run.plait"


def database(profile, tmp_path, *options):
    path = tmp_path / "run.sqlite"
    result = run_plait("export", "--format", "sqlite", "-o", path, *options, profile)
    assert result.returncode == 0, result.stderr
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    return connection


def documented(name):
    """The query of that name in docs/sqlite.md, without its limit."""
    blocks = re.findall(r"```sql\n-- (\w+)\n(.*?);\n```", (ROOT / "docs" / "sqlite.md").read_text(), re.S)
    return re.sub(r"\nLIMIT \d+", "", dict(blocks)[name])


def stacks_of(report, event):
    """(thread's number, frames from the innermost on, samples, weight) of each sample of the event in plait's JSON."""
    frames, stacks = report["profile"]["frames"], report["profile"]["stacks"]
    number = [one["name"] for one in report["recording"]["events"]].index(event)
    for sample in report["profile"]["samples"]:
        if sample["event"] != number:
            continue
        chain, at = [], sample["stack"]
        while at is not None:
            chain.append(frames[stacks[at]["frame"]])
            at = stacks[at]["parent"]
        yield report["recording"]["threads"][sample["thread"]]["tid"], chain, sample["count"], sample["weight"]


def function_of(frame):
    name = "[unknown]" if frame.get("unresolved") and frame["kind"] != "python" else frame["name"]
    return name, {"native": frame.get("module"), "kernel": "kernel"}.get(frame["kind"], "")


def test_functions(profile, tmp_path):
    rows = database(profile, tmp_path).execute(documented("functions")).fetchall()
    assert [row[2] for row in rows] == sorted((row[2] for row in rows), reverse=True)
    shown, expected = collections.Counter(), collections.Counter()
    for function, module, own, total in rows:
        shown[function, module, "own"] += round(own * 1e9)
        shown[function, module, "total"] += round(total * 1e9)
    for _, chain, _, weight in stacks_of(report_json(profile), "cpu-clock"):
        expected[(*function_of(chain[0]), "own")] += weight
        # Functions of one name are apart in the table when their file or first line differs, so one that is in a
        # stack twice may be two functions here: by their file, as JSON has no first line.
        for function in {(function_of(frame), frame.get("file")) for frame in chain}:
            expected[(*function[0], "total")] += weight
    names = [key for key in expected if key[0] in ("recursive", "sorter", "touch", "work", "[unknown]") or key[1] == "kernel"]
    assert len(names) > 10
    assert {key: shown[key] for key in names} == {key: expected[key] for key in names}
    assert {key: cost for key, cost in shown.items() if cost and key[2] == "own"} == \
        {key: cost for key, cost in expected.items() if key[2] == "own"}


def test_lines(profile, tmp_path):
    rows = database(profile, tmp_path).execute(documented("lines")).fetchall()
    expected = collections.Counter()
    for _, chain, _, weight in stacks_of(report_json(profile), "cpu-clock"):
        line = next((frame for frame in chain if frame["kind"] == "python"), None)
        if line and chain[0]["kind"] != "python":
            expected[(line["file"], line["line"], *function_of(chain[0]))] += weight
    assert {tuple(row[:4]): round(row[4] * 1e9) for row in rows} == expected
    assert any(row[2] == "list_sort_impl" or row[0].endswith("program.py") for row in rows)


def test_time(profile, tmp_path):
    rows = database(profile, tmp_path).execute(documented("time")).fetchall()
    report = report_json(profile)
    assert 5 <= len({row[0] for row in rows}) <= 10 * report["recording"]["seconds"] + 1
    shown, expected = collections.Counter(), collections.Counter()
    for _, tid, _, seconds, python in rows:
        shown[tid, "all"] += round(seconds * 1e9)
        shown[tid, "python"] += round(python * 1e9)
        assert python <= seconds <= 0.3  # two CPUs' worth at the most
    for tid, chain, _, weight in stacks_of(report, "cpu-clock"):
        expected[tid, "all"] += weight
        expected[tid, "python"] += weight if chain[0]["kind"] == "python" else 0
    assert +shown == +expected and len(shown) == 4


def test_views_agree_with_samples_and_with_each_other(profile, tmp_path):
    ask = database(profile, tmp_path).execute
    report = report_json(profile)
    trust = ask("SELECT samples, complete, gap, truncated, unmerged, unresolved, derived, checked, no_stack, lost "
                "FROM recording").fetchone()
    assert trust == tuple(report["trust"].values())
    assert ask("SELECT count(*) FROM samples").fetchone()[0] == report["trust"]["samples"]
    assert ask("SELECT count(*) FROM samples JOIN qualities ON qualities.id = quality WHERE complete").fetchone()[0] == \
        report["trust"]["complete"]
    # the stacks, as texts, are those of collapsed; code without a name is one function for each module here, has its address there
    texts = collections.Counter(dict(ask("SELECT text, count(*) FROM samples JOIN stack_texts USING (stack) "
                                         "JOIN events ON events.id = event WHERE events.name = 'cpu-clock' GROUP BY text")))
    expected = collections.Counter()
    for line in run_plait("report", "--format", "collapsed", "--event", "cpu-clock", profile).stdout.splitlines():
        text, _, cost = line.rpartition(" ")
        expected[re.sub(r"(^|;)0x[0-9a-f]+ \[", r"\1[unknown] [", text)] += int(cost)
    assert texts == expected
    # costs kept by stack are the sums over samples, and those below a stack its total
    assert ask("SELECT event, stack, sum(weight), count(*) FROM samples GROUP BY 1, 2 EXCEPT "
               "SELECT event, stack, self, self_samples FROM stack_costs").fetchall() == []
    assert ask("SELECT stack_costs.event, stacks.id, total, total_samples FROM stack_costs JOIN stacks ON stacks.id = stack "
               "EXCEPT SELECT samples.event, stacks.id, sum(weight), count(*) FROM stacks JOIN samples "
               "ON samples.stack BETWEEN stacks.id AND stacks.last GROUP BY 1, 2").fetchall() == []
    assert ask("SELECT count(*) FROM stacks JOIN stacks AS callers ON callers.id = stacks.parent WHERE "
               "stacks.depth <> callers.depth + 1 OR stacks.last > callers.last").fetchone() == (0,)
    # a line's own cost, whatever native code it ran
    own, total = collections.Counter(), collections.Counter()
    for _, chain, count, _ in stacks_of(report, "cpu-clock"):
        lines = [(frame["file"], frame["line"]) for frame in chain if frame["kind"] == "python"]
        own.update({line: count for line in lines[:1]})
        total.update({line: count for line in set(lines)})
    costs = {(row[0], row[1]): row[2:] for row in ask("SELECT file, line, self_samples, total_samples FROM line_costs "
                                                      "WHERE event = 'cpu-clock' AND file LIKE '%program.py'")}
    assert len(costs) > 5
    assert costs == {line: (own[line], total[line]) for line in total if line[0].endswith("program.py")}


def test_choices_pipes_and_errors(profile, tmp_path):
    ask = database(profile, tmp_path, "--event", "cpu-clock", "--filter", "sorter", "--no-native", "--no-kernel").execute
    assert {row[0] for row in ask("SELECT DISTINCT kind FROM sample_list")} <= {"python", "marker"}
    assert {row[0] for row in ask("SELECT DISTINCT event FROM sample_list")} == {"cpu-clock"}
    filtered = collapsed(profile, "--event", "cpu-clock", "--filter", "sorter")
    assert ask("SELECT count(*) FROM samples").fetchone()[0] == sum(count for _, count in filtered)
    folder = tmp_path / "made"
    folder.mkdir()
    piped = folder / "piped.sqlite"
    with piped.open("wb") as out:  # the database is nowhere but in what is piped
        result = run_plait("export", "--format", "sqlite", "-o", "-", profile, stdout=out, env={"TMPDIR": str(folder)})
    assert result.returncode == 0 and list(folder.iterdir()) == [piped]
    assert sqlite3.connect(piped).execute("SELECT count(*) FROM samples").fetchone()[0] > 100
    result = run_plait("export", "--format", "sqlite", "-o", piped, profile, env={"TMPDIR": str(folder / "nowhere")})
    assert result.returncode == 1 and "cannot create a file in" in result.stderr and "TMPDIR" in result.stderr


def test_pandas_reads_it(profile, tmp_path):
    pandas = pytest.importorskip("pandas", reason="needs python3-pandas")
    connection = database(profile, tmp_path)
    call = re.search(r'samples = pandas\.read_sql\((".*?"), sqlite3', (ROOT / "docs" / "sqlite.md").read_text())[1]
    samples = pandas.read_sql(call.strip('"'), connection)
    assert len(samples) == report_json(profile)["trust"]["samples"]
    faults = samples[samples.event == "page-faults"]
    assert (faults.python_function == "touch").sum() >= 200
