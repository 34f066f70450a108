"""plait export: every format is opened by its real viewer, and what that says is compared with plait's own report."""
import base64
import collections
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from browser import CACHE, browser, npm_package, open_page, open_trace_viewer, pixels, wait_for
from plait_runner import collapsed, need_recording, record, run_plait

PROGRAM = """
import threading, mmap, time
def inner(n):
    total = 0
    for i in range(n):
        total += i * i
    return total
def outer(n):
    return [inner(2000) for _ in range(n)]
def sorter(n):
    return sorted(range(n), key=lambda x: -x)
def touch(pages):
    area = mmap.mmap(-1, pages * 4096)
    for i in range(pages):
        area[i * 4096] = 1
def work():
    end = time.thread_time() + 0.75
    while time.thread_time() < end:
        outer(20)
        sorter(3000)
thread = threading.Thread(target=work, name="worker")
thread.start()
touch(200)
work()
thread.join()
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "program.py"
    path.write_text(PROGRAM)
    return path


@pytest.fixture(scope="module")
def profile(source):
    need_recording()
    path = source.parent / "run.plait"
    record(path, "-e", "cpu-clock@997hz,page-faults", "--", "/usr/bin/python3", source)
    return path


def export(profile, name, output, *options):
    result = run_plait("export", "--format", name, "-o", output, *options, profile)
    assert result.returncode == 0, result.stderr
    return output


def report_json(profile, *options):
    return json.loads(run_plait("report", "--format", "json", *options, profile).stdout)


def name_of(frame):
    """What viewers call a frame: functions of no name are one for each module."""
    unknown = frame.get("unresolved") and frame["kind"] != "python"
    return f"[unknown] [{frame.get('module', 'kernel')}]" if unknown else frame["name"]


def functions_of(profile, event, what="count", options=()):
    """{function name: [own, total]} in samples (or `what`) from plait's own JSON; functions of one name together, as pprof does."""
    report = report_json(profile, "--event", event, *options)["profile"]
    stacks, frames = report["stacks"], report["frames"]
    costs = collections.defaultdict(lambda: [0, 0])
    for sample in report["samples"]:
        names, at = [], sample["stack"]
        while at is not None:
            names.append(name_of(frames[stacks[at]["frame"]]))
            at = stacks[at]["parent"]
        costs[names[0]][0] += sample[what]
        for name in set(names):
            costs[name][1] += sample[what]
    return costs


def pprof(path, *options):
    if not shutil.which("go"):
        pytest.skip("needs go (Debian: golang-go)")
    result = subprocess.run(["go", "tool", "pprof", "-symbolize=none", *options, str(path)], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, universal_newlines=True, timeout=300,
                            env={**os.environ, "HOME": str(path.parent), "GOFLAGS": "", "GOTOOLCHAIN": "local",
                                 "GOCACHE": str(CACHE / "go")})  # newer ones build pprof when it is first asked for
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_pprof_top_is_the_report(profile, tmp_path):
    path = export(profile, "pprof", tmp_path / "p.pb.gz")
    top = pprof(path, "-top", "-nodecount=100000", "-nodefraction=0", "-sample_index=samples")
    rows = {}
    for line in top.splitlines():
        match = re.match(r"\s*(\d+)\s+[\d.]+%\s+[\d.]+%\s+(\d+)\s+[\d.]+%\s+(.*)$", line)
        if match:
            rows[match[3].replace(" (inline)", "").replace(" (partial-inline)", "")] = [int(match[1]), int(match[2])]
    expected = functions_of(profile, "cpu-clock")
    assert rows["inner"] == expected["inner"] and rows["inner"][0] > 100
    assert rows == {name: costs for name, costs in expected.items()}


def edges_of(profile, event):
    """{(caller, callee): samples with such a call in the stack} from plait's own JSON."""
    report = report_json(profile, "--event", event)["profile"]
    stacks, frames = report["stacks"], report["frames"]
    edges = collections.Counter()
    for sample in report["samples"]:
        names, at = [], sample["stack"]
        while at is not None:
            names.append(name_of(frames[stacks[at]["frame"]]))
            at = stacks[at]["parent"]
        edges.update({edge: sample["count"] for edge in set(zip(names[1:], names))})
    return edges


def peeked(text, function):
    """({caller: samples}, {callee: samples}) of a function in pprof's -peek."""
    block = next(block for block in re.split(r"-{40,}\+-+", text) if re.search(rf"\| {re.escape(function)}$", block, re.M))
    callers, callees, seen = {}, {}, False
    for line in block.strip("\n").splitlines():
        if re.search(rf"\| {re.escape(function)}$", line):
            seen = True
            continue
        match = re.match(r"\s+(\d+)\s+[\d.]+% \|   (.*?)(?: \((?:partial-)?inline\))?$", line)
        (callees if seen else callers)[match[2]] = int(match[1])
    return callers, callees


def test_pprof_peek_threads_and_events(profile, tmp_path):
    path = export(profile, "pprof", tmp_path / "p.pb.gz")
    peek = pprof(path, "-peek", "^(inner|sorter)$", "-sample_index=samples", "-nodefraction=0", "-edgefraction=0")
    edges = edges_of(profile, "cpu-clock")
    for function in ("inner", "sorter"):
        callers, callees = peeked(peek, function)
        assert callers == {caller: cost for (caller, callee), cost in edges.items() if callee == function}
        assert callees == {callee: cost for (caller, callee), cost in edges.items() if caller == function}
        assert sum(callers.values()) > 20 and callees
    assert re.search(r"thread: Total.*\n(?:.*\n)*?.*(?:worker|python3)", pprof(path, "-tags"))
    assert "Type: cpu-clock" in pprof(path, "-top")
    faults = pprof(path, "-top", "-sample_index=page-faults", "-nodecount=100000", "-nodefraction=0")
    assert re.search(r"\s+0\s+0%\s+[\d.]+%\s+(\d+)\s+[\d.]+%\s+touch\n", faults), faults


def speedscope(path, text, folder):
    """What speedscope shows of a file: its first page, as soon as `text` is there, and its table of functions."""
    package = npm_package("speedscope")
    content = base64.b64encode(path.read_bytes()).decode()
    (folder / "load.js").write_text(f"speedscope.loadFileFromBase64('{path.name}', '{content}')")
    with browser() as driver:
        driver.get(f"file://{package}/dist/release/index.html#localProfilePath={folder}/load.js")
        shown = wait_for(driver, f"document.body.innerText.includes('{text}') && document.body.innerText")
        driver.find_element("tag name", "body").send_keys("3")
        return shown, wait_for(driver, "document.body.innerText.includes('Symbol Name') && document.body.innerText")


def test_speedscope_is_valid_and_opens(profile, tmp_path):
    path = export(profile, "speedscope", tmp_path / "run.speedscope.json")
    document = json.loads(path.read_text())
    total = collections.Counter()
    for one in document["profiles"]:
        stack, at = [], 0
        for event in one["events"]:
            assert event["at"] >= at
            at = event["at"]
            if event["type"] == "O":
                stack.append(event["frame"])
            else:
                assert stack.pop() == event["frame"]
        assert stack == [] and at <= one["endValue"]
        total[one["name"].split(":")[0]] += one["endValue"]
    events = {event["name"]: event["total"] for event in report_json(profile)["recording"]["events"]}
    assert total == events
    shown, table = speedscope(path, "cpu-clock", tmp_path)
    assert "cpu-clock: " in shown and "Left Heavy" in shown
    assert "error" not in shown.lower()
    # its table of functions, of the thread that it shows first
    thread = re.search(r"cpu-clock: .* \d+/(\d+) ", table)[1]
    scale = {"s": 1e9, "ms": 1e6, "µs": 1e3}
    rows = collections.defaultdict(lambda: [0, 0])  # one for each line of a function
    for total, total_unit, own, own_unit, name in re.findall(
            r"([\d.]+)(s|ms|µs) \([^)]*\)\n\t([\d.]+)(s|ms|µs) \([^)]*\)\n\t(.*)", table):
        rows[name] = [rows[name][0] + float(own) * scale[own_unit], rows[name][1] + float(total) * scale[total_unit]]
    weights = functions_of(profile, "cpu-clock", "weight", ["--thread", thread])
    assert rows["inner"] == pytest.approx(weights["inner"], rel=0.01) and weights["inner"][0] > 0


def test_speedscope_fits_its_schema(profile, tmp_path):
    jsonschema = pytest.importorskip("jsonschema", reason="needs python3-jsonschema")
    schema = json.loads((npm_package("speedscope") / "dist" / "release" / "file-format-schema.json").read_text())
    document = json.loads(export(profile, "speedscope", tmp_path / "part", "--filter", "touch").read_text())
    assert sum(len(one["events"]) for one in document["profiles"]) > 20
    jsonschema.validate(document, schema)
    document["profiles"][0]["events"][0]["type"] = "X"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)


def test_firefox_profiler_reads_it(profile, tmp_path):
    path = export(profile, "firefox", tmp_path / "run.json")
    document = json.loads(path.read_text())
    samples = sum(thread["samples"]["length"] for thread in document["threads"])
    markers = sum(thread["markers"]["length"] for thread in document["threads"])
    trusted = {event["name"]: event["trust"]["samples"] for event in report_json(profile)["recording"]["events"]}
    assert (samples, markers) == (trusted["cpu-clock"], trusted["page-faults"])
    # native code knows its library, with the build-id that symbol servers ask for
    libraries = {library["name"]: library for library in document["libs"]}
    used = {document["libs"][index]["name"] for index in document["shared"]["frameTable"]["lib"] if index >= 0}
    assert any(name.startswith("python3") for name in used) and any(name.startswith("libc.so") for name in used)
    for library in libraries.values():
        code, swapped = library["codeId"], re.sub(r"^(..)(..)(..)(..)(..)(..)(..)(..)(.{16}).*", r"\4\3\2\1\6\5\8\7\9", library["codeId"] or "")
        assert library["breakpadId"] == (f"{swapped.upper()}0" if code else "")
    node = npm_package("node@24") / "bin" / "node"
    command = [node, npm_package("@firefox-devtools/profiler-cli") / "dist" / "profiler-cli.js"]
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}

    def ask(*words):
        result = subprocess.run([*map(str, command), *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                universal_newlines=True, timeout=120, env=environment, cwd=tmp_path)
        assert result.returncode == 0, result.stdout
        return result.stdout

    if subprocess.run([str(node), "--version"], stdout=subprocess.PIPE).returncode != 0:
        pytest.skip("this host cannot run node 24")
    ask("load", str(path))
    try:
        info = ask("profile", "info")
        assert "2 threads across 1 processes" in info, info
        recording = report_json(profile)["recording"]
        cpu = {int(match[1]): float(match[2]) for match in re.finditer(r"\[tid (\d+)\] - ([\d.]+)ms", info)}
        costs, weights = collections.Counter(), functions_of(profile, "cpu-clock", "weight")
        for sample in report_json(profile, "--event", "cpu-clock")["profile"]["samples"]:
            costs[recording["threads"][sample["thread"]]["tid"]] += sample["weight"] / 1e6
        # the first sample's time lies before the first that it can see
        assert cpu.keys() == costs.keys() and all(abs(cpu[tid] - costs[tid]) < 0.05 * costs[tid] + 3 for tid in cpu), (cpu, costs)
        own, faults, said = collections.Counter(), 0, ""
        for thread in range(2):
            ask("thread", "select", f"t-{thread}")
            said = ask("thread", "functions", "--include-idle", "--limit", "100000")
            for match in re.finditer(r"\. (.*) - self: ([\d.]+)(μs|ms|s) ", said):
                own[match[1]] += float(match[2]) * {"μs": 0.001, "ms": 1, "s": 1000}[match[3]]
            categories = ask("thread", "samples")
            assert "Python" in categories and "Native" in categories
            marked = re.search(r"page-faults +(\d+) markers", ask("thread", "markers"))
            faults += int(marked[1]) if marked else 0
        assert faults == markers
        assert own["inner"] == pytest.approx(weights["inner"][0] / 1e6, rel=0.002)
    finally:
        ask("stop", "--all")


def test_chrome_reads_it(profile, tmp_path):
    """Once as it is, and merged with itself: two processes then have one pid, at the same time."""
    twice = tmp_path / "twice.plait"
    assert run_plait("merge", profile, profile, "-o", twice).returncode == 0
    pids = [thread["pid"] for thread in json.loads(export(twice, "firefox", tmp_path / "twice.json").read_text())["threads"]]
    assert len(pids) == 4 and sorted(set(pids)) == [min(pids), min(pids) + ".1"]
    for recording, processes in ((profile, 1), (twice, 2)):
        path = export(recording, "chrome", tmp_path / "run.json")
        events = json.loads(path.read_text())["traceEvents"]
        assert len({event["pid"] for event in events}) == processes
        depth = collections.Counter()
        for event in events:
            if event["ph"] in "BE":
                depth[event["tid"]] += 1 if event["ph"] == "B" else -1
                assert depth[event["tid"]] >= 0
        assert not any(depth.values())
        faults = [event for event in events if event["ph"] == "i"]
        assert sum("touch (" in frame for event in faults for frame in event["args"]["stack"]) >= 200
        check_trace_viewer(path, events, tmp_path)


def check_trace_viewer(path, events, tmp_path):
    with browser() as driver:
        open_trace_viewer(driver, tmp_path)
        threads, warnings = driver.execute_script("""
            const model = new tr.Model();
            new tr.importer.Import(model).importTraces([arguments[0]]);
            const threads = [];
            for (const process of Object.values(model.processes))
              for (const thread of Object.values(process.threads))
                threads.push({ id: [process.pid, thread.tid], name: thread.name, slices: thread.sliceGroup.slices.map(
                  slice => [slice.title, slice.parentSlice ? slice.parentSlice.title : null, slice.didNotFinish]) });
            return [threads, model.importWarnings];""", path.read_text())
    assert warnings == []
    slices = [slice for thread in threads for slice in thread["slices"]]
    assert len(slices) == sum(event["ph"] in "Bi" for event in events)
    assert not any(unfinished for _, _, unfinished in slices)
    assert {tuple(thread["id"]) for thread in threads} == {(event["pid"], event["tid"]) for event in events}
    assert {thread["name"] for thread in threads} == {event["args"]["name"] for event in events if event.get("name") == "thread_name"}
    titles = {title for title, _, _ in slices}
    assert {"inner", "outer", "sorter", "page-faults"} <= titles
    assert all("outer" in parent for title, parent, _ in slices if title == "inner")


def test_callgrind_annotate_agrees(profile, tmp_path):
    path = export(profile, "callgrind", tmp_path / "run.callgrind")
    if not shutil.which("callgrind_annotate"):
        pytest.skip("needs callgrind_annotate (Debian: valgrind)")
    for inclusive in ("no", "yes"):
        said = subprocess.run(["callgrind_annotate", "--threshold=100", "--auto=no", f"--inclusive={inclusive}", str(path)],
                              stdout=subprocess.PIPE, universal_newlines=True, timeout=60, check=True).stdout
        samples = sum(event["trust"]["samples"] for event in report_json(profile)["recording"]["events"]
                      if event["name"] == "cpu-clock")
        totals = re.search(r"\n([\d,]+) \(100.0%\)\s+([\d,]+) \(100.0%\)\s+PROGRAM TOTALS", said)
        assert int(totals[2].replace(",", "")) == samples
        cost = functions_of(profile, "cpu-clock")["inner"][inclusive == "yes"]
        assert re.search(rf"\s{cost:,} \( *[\d.]+%\)\s+\S+program.py:inner \[python\]", said), (cost, said)


def test_collapsed_and_json_are_those_of_report(profile, tmp_path):
    assert (export(profile, "collapsed", tmp_path / "c").read_text() ==
            run_plait("report", "--format", "collapsed", profile).stdout)
    assert (export(profile, "json", tmp_path / "j").read_text() ==
            run_plait("report", "--format", "json", profile).stdout)


def costs_of_collapsed(path):
    """{frame: [own, total]} of collapsed stacks."""
    costs = collections.defaultdict(lambda: [0, 0])
    for line in path.read_text().splitlines():
        stack, count = line.rsplit(" ", 1)
        frames = stack.split(";")
        costs[frames[-1]][0] += int(count)
        for frame in set(frames):
            costs[frame][1] += int(count)
    return costs


def test_collapsed_opens_in_a_flame_graph_tool(profile, tmp_path):
    path = export(profile, "collapsed", tmp_path / "run.collapsed", "--event", "cpu-clock")
    _, table = speedscope(path, "run.collapsed", tmp_path)
    rows = {name: [int(own.replace(",", "")), int(total.replace(",", ""))] for total, own, name in
            re.findall(r"([\d,]+) \([^)]*\)\n\t([\d,]+) \([^)]*\)\n\t(.*)", table)}
    costs = costs_of_collapsed(path)
    shown = {name: row for name, row in rows.items() if name.startswith("inner (")}  # the table has what is in sight
    assert shown and shown == {name: costs[name] for name in shown}
    lines = [costs[name] for name in costs if name.startswith("inner (")]
    assert [sum(line[i] for line in lines) for i in (0, 1)] == functions_of(profile, "cpu-clock")["inner"]


@pytest.mark.parametrize("name", ["html", "speedscope", "pprof", "firefox", "chrome", "callgrind", "sqlite", "collapsed",
                                  "json"])
def test_choices_of_report_hold(profile, tmp_path, name):
    """A filter makes every format smaller, and what it leaves out is nowhere in it."""
    whole = export(profile, name, tmp_path / "whole").stat().st_size
    part = export(profile, name, tmp_path / "part", "--event", "cpu-clock", "--filter", "sorter", "--no-native",
                  "--no-kernel").stat().st_size
    assert part < whole
    if name in ("collapsed", "chrome"):
        assert "program.py" in (tmp_path / "part").read_text()
        assert "outer" not in (tmp_path / "part").read_text()
    wrong = run_plait("export", "--format", name, "--event", "nonesuch", "-o", tmp_path / "x", profile)
    assert wrong.returncode == 2 and "has no event 'nonesuch'" in wrong.stderr
    assert not (tmp_path / "x").exists() and list(tmp_path.glob("*.tmp")) == []


def test_html_shows_the_profile(profile, tmp_path):
    path = export(profile, "html", tmp_path / "run.html")
    assert not re.search(r"(src|href)=|https?://(?!www.w3.org)", path.read_text().split("plait-meta")[0])
    with browser() as driver:
        open_page(driver, path)
        text = driver.execute_script("return document.body.innerText")
        assert "program.py" in text and "complete" in text and "unmerged" in text
        # the flame graph: Python's and native code's colours are really on the screen
        colours = collections.Counter(pixels(driver, "#flame").getdata())
        assert colours[(0xe6, 0x9f, 0x00)] > 2000 and colours[(0x56, 0xb4, 0xe9)] > 2000
        # the table says what the report says
        flat = functions_of(profile, "cpu-clock")
        samples = sum(own for own, _ in flat.values())
        row = driver.execute_script(
            "return [...document.querySelectorAll('#table tbody tr')].map(r => r.innerText).find(t => /\\binner\\b/.test(t))")
        shown = [float(number) for number in re.findall(r"([\d.]+) %", row)]
        assert shown == pytest.approx([100 * cost / samples for cost in flat["inner"]], abs=0.051)
        # and so do all its rows, whichever way the graph is shown
        rows = driver.execute_script("""return rowsOf("functions").map(row => [data.meta.labels[row.label].name,
            data.meta.labels[row.label].package || data.meta.labels[row.label].module || "", row.self, row.samples]);""")
        own = collections.Counter()
        for name, module, self, _ in rows:
            own[f"{name} [{module}]" if name == "[unknown]" else name] += self
        weights = functions_of(profile, "cpu-clock", "weight")
        assert own["inner"] == weights["inner"][0] and sum(own.values()) == sum(cost for cost, _ in weights.values())
        assert {name: samples for name, _, _, samples in rows if name in ("inner", "outer", "sorter", "work")} == \
            {name: flat[name][1] for name in ("inner", "outer", "sorter", "work")}
        for inverted in (False, True):
            shown = driver.execute_script("""
                const tree = new Tree(data, costs, { inverted: arguments[0], functions: true, machinery: true }), sums = {};
                const walk = (node, above) => {
                  const children = tree.childrenOf(node);
                  if (children.reduce((sum, child) => sum + tree.samples[child], 0) > tree.samples[node]) throw Error("too much");
                  for (const child of children) {
                    const name = tree.label[child] === -1 ? "" : data.meta.labels[tree.label[child]].name;
                    if (!above.includes(name)) sums[name] = (sums[name] || 0) + tree.samples[child];
                    if (!arguments[0]) walk(child, [...above, name]);
                  }
                };
                walk(0, []);
                return sums;""", inverted)
            assert {name: shown.get(name, 0) for name in ("inner", "sorter")} == \
                {name: flat[name][0 if inverted else 1] for name in ("inner", "sorter")}
        # search: matches' total
        box = driver.find_element("id", "search")
        box.send_keys("sorter")
        found = float(driver.find_element("id", "matches").text.split(" %")[0])
        assert found == pytest.approx(100 * flat["sorter"][1] / samples, abs=0.051)
        box.send_keys("\ue00c")  # Escape clears it
        assert driver.find_element("id", "matches").text == ""
        # a click on a frame zooms, and shows its source with costs
        x, y = driver.execute_script("""
            const box = flame.boxes.find(b => flame.labels[flame.tree.label[b.node]].name === "inner");
            const at = document.getElementById("flame").getBoundingClientRect();
            scrollTo(0, 0);
            return [at.left + box.x + box.w / 2, at.top + box.row * ROW + ROW / 2];""")
        from selenium.webdriver.common.action_chains import ActionChains
        actions = ActionChains(driver)
        actions.w3c_actions.pointer_action.move_to_location(int(x), int(y))
        actions.perform()
        tip = driver.find_element("id", "tip").text
        assert "inner" in tip and "program.py" in tip and "%" in tip and "samples" in tip
        actions.w3c_actions.pointer_action.click()
        actions.perform()
        assert "all› inner (program.py" in driver.find_element("id", "path").text
        detail = driver.find_element("id", "detail").text
        assert "total += i * i" in detail and "program.py:" in detail
        # of a file with lines here and there, only those around them
        driver.execute_script("""const box = flame.boxes.find(b => flame.labels[flame.tree.label[b.node]].name === "Thread.run")
            || (zoomTo(0), flame.boxes.find(b => flame.labels[flame.tree.label[b.node]].name === "Thread.run"));
            chooseNode(box.node);""")
        detail = driver.find_element("id", "detail").text
        assert "threading.py:" in detail and "self._target(" in detail and "⋯" in detail
        # a function's row shows where it begins
        driver.execute_script("""[...document.querySelectorAll('#table tbody tr')].find(r => /\\bsorter\\b/.test(r.innerText)).click()""")
        detail = driver.find_element("id", "detail").text
        assert detail.startswith("sorter") and "def sorter(n):" in detail and "return sorted(range(n)" in detail
        # inverted: the hottest function is outermost now
        driver.find_element("id", "inverted").click()
        assert driver.execute_script("return flame.labels[flame.tree.label[flame.tree.childrenOf(0)[0]]].name") == \
            max(flat, key=lambda name: flat[name][0])


def test_html_range_thread_event_and_keys(profile, tmp_path):
    path = export(profile, "html", tmp_path / "run.html")
    with browser() as driver:
        open_page(driver, path)
        whole = driver.execute_script("return whole")
        from selenium.webdriver.common.action_chains import ActionChains
        line = driver.find_element("id", "timeline")
        wide = line.size["width"]
        ActionChains(driver).move_to_element_with_offset(line, -wide // 4, 0).click_and_hold().move_by_offset(
            wide // 4, 0).release().perform()
        assert 0.1 * whole < driver.execute_script("return whole") < 0.5 * whole
        assert "of all" in driver.find_element("id", "range").text
        driver.find_element("id", "reset").click()
        assert driver.execute_script("return whole") == whole
        options = [option.text for option in driver.find_elements("css selector", "#thread option")]
        assert len(options) >= 4  # all, all of the process, two threads
        driver.execute_script("const box = document.getElementById('thread'); box.value = "
                              "box.options[box.options.length - 1].value; box.dispatchEvent(new Event('change'))")
        assert driver.execute_script("return whole") < 0.8 * whole
        driver.execute_script("const box = document.getElementById('event'); box.selectedIndex = 1;"
                              "document.getElementById('thread').value = '';"
                              "document.getElementById('thread').dispatchEvent(new Event('change'));"
                              "box.dispatchEvent(new Event('change'))")
        faults = [event["total"] for event in report_json(profile)["recording"]["events"] if event["name"] == "page-faults"]
        assert driver.execute_script("return whole") == faults[0]
        assert " of page-faults" in driver.find_element("id", "path").text
        flame = driver.find_element("id", "flame")
        driver.execute_script("arguments[0].focus()", flame)
        flame.send_keys("\ue015\ue015\ue007")  # down, down, Enter
        assert driver.execute_script("return flame.zoom") > 0
        flame.send_keys("\ue00c")
        assert driver.execute_script("return flame.zoom") == 0


def test_html_of_a_deep_recursion_scrolls_in_its_frame(tmp_path):
    need_recording()
    program = tmp_path / "deep.py"
    program.write_text("import time\ndef down(n):\n    if n: return down(n - 1)\n    end = time.monotonic() + 0.7\n"
                       "    while time.monotonic() < end: pass\ndown(500)\n")
    record(tmp_path / "deep.plait", "--", "/usr/bin/python3", program)
    with browser(1400, 900) as driver:
        open_page(driver, export(tmp_path / "deep.plait", "html", tmp_path / "deep.html"))
        assert driver.execute_script("return flame.rows.length") > 500
        assert driver.execute_script("return document.querySelector('#table tbody tr').getBoundingClientRect().bottom") < 900
        assert pixels(driver, "#flame").getpixel((700, 100)) == (0xe6, 0x9f, 0x00)
        # the innermost frame is found where it is seen, and what the mouse says there is it
        row, y = driver.execute_script("""
            const box = document.getElementById("flame-box"), last = flame.rows.findLastIndex(row => row[0].x < 90 && row[0].x + row[0].w > 300);
            box.scrollTop = last * ROW - 100;
            flame.paint();
            return [last, document.getElementById("flame").getBoundingClientRect().top + last * ROW + ROW / 2 - box.scrollTop];""")
        assert row > 500
        # what the mouse says goes with scrolling, which the page hears of with its next frame
        driver.execute_async_script("const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(done))")
        from selenium.webdriver.common.action_chains import ActionChains
        actions = ActionChains(driver)
        actions.w3c_actions.pointer_action.move_to_location(100, int(y))
        actions.perform()
        tip = wait_for(driver, "document.getElementById('tip').innerText")
        assert tip.startswith(driver.execute_script(f"return flame.labels[flame.tree.label[flame.rows[{row}][0].node]].name"))
        assert pixels(driver, "#flame").getpixel((700, 105)) in ((0xe6, 0x9f, 0x00), (0x56, 0xb4, 0xe9), (0x00, 0x9e, 0x73))
        # the way back to all
        driver.execute_script(f"zoomTo(flame.rows[{row}][0].node)")
        driver.find_element("css selector", "#path button").click()
        assert driver.execute_script("return flame.zoom") == 0


def test_html_is_used_without_a_mouse(profile, tmp_path):
    """Every control has a name and is reached by Tab, what has the focus is seen, tables and graph have arrow keys."""
    with browser() as driver:
        open_page(driver, export(profile, "html", tmp_path / "run.html"))
        keys = driver.switch_to.active_element
        seen = []
        for _ in range(20):
            keys.send_keys("\ue004")
            keys = driver.switch_to.active_element
            seen.append(keys.get_attribute("id") or keys.tag_name)
            name = driver.execute_script("""const e = document.activeElement;
                return e.labels && e.labels[0] ? e.labels[0].innerText : e.ariaLabel || e.innerText;""")
            assert name and name.strip(), seen
            assert keys.value_of_css_property("outline-style") == "solid", seen
            if keys.tag_name == "tr":
                break
        assert seen == ["event", "thread", "search", "inverted", "functions", "machinery", "reset", "theme", "timeline",
                        "flame", "tab-functions", "tab-lines", "button", "button", "button", "tr"]
        keys.send_keys("\ue015")  # down: the second row
        rows = driver.find_elements("css selector", "#table tbody tr")
        assert driver.switch_to.active_element == rows[1] and rows[1].get_attribute("class") == "chosen"
        name = driver.execute_script("return data.meta.labels[state.chosen].name")
        assert name in rows[1].text and name in driver.find_element("id", "detail").text
        # what is shown of it follows the choices
        before = driver.find_element("id", "detail").text
        driver.execute_script("state.to = Math.floor(data.buckets / 2); change()")
        after = driver.find_element("id", "detail").text
        assert name in after and after != before
        driver.find_element("id", "theme").click()
        assert max(pixels(driver, "#trust").getpixel((1, 1))) < 60


@pytest.mark.parametrize("width,height,dark", [(1600, 1000, False), (1600, 1000, True), (420, 900, False), (420, 900, True)])
def test_html_fits_and_can_be_read(profile, tmp_path, width, height, dark):
    path = export(profile, "html", tmp_path / "run.html")
    with browser(width, height, dark) as driver:
        open_page(driver, path)
        assert driver.execute_script("return document.documentElement.scrollWidth") <= width
        back = pixels(driver, "#trust").getpixel((1, 1))
        assert (max(back) < 60) if dark else (min(back) > 230)
        boxes = driver.execute_script("return [...document.querySelectorAll('header, nav, canvas, main > section')]"
                                      ".map(e => e.getBoundingClientRect()).map(r => [r.left, r.right])")
        assert all(left >= 0 and right <= width + 1 for left, right in boxes)


def test_html_of_a_million_samples(profile, tmp_path):
    copies = -(-1_000_000 // sum(count for _, count in collapsed(profile)))
    big = tmp_path / "big.plait"
    result = run_plait("merge", *[profile] * copies, "-o", big)
    assert result.returncode == 0, result.stderr
    path = export(big, "html", tmp_path / "big.html")
    assert path.stat().st_size < 5_000_000
    with browser() as driver:
        open_page(driver, path)
        assert f"{report_json(big)['trust']['samples']:,} samples" in driver.execute_script("return document.body.innerText")


def test_html_of_a_million_different_stacks(tmp_path):
    maker = pathlib.Path(os.environ.get("PLAIT_TEST_BIN", "")) / "make_recording"
    if not maker.exists():
        pytest.skip("needs make_recording of the build")
    varied = tmp_path / "varied.plait"
    subprocess.run([maker, "varied", "1000000", varied], check=True)
    path = export(varied, "html", tmp_path / "varied.html")
    assert path.stat().st_size < 5_000_000
    with browser() as driver:
        open_page(driver, path)
        assert "1,000,000 samples" in driver.execute_script("return document.body.innerText")
        assert driver.execute_script("return data.count") > 3_000_000
        # all samples of the first event are there, over time, by function and in the graph
        weight = 1001001 * driver.execute_script("return costs.totalSamples[0]")
        assert weight > 0.9 * 1001001 * 1_000_000
        assert driver.execute_script("return whole") == weight
        assert driver.execute_script("return bars.filter(cost => cost > whole / bars.length / 2).length") >= 200
        assert driver.execute_script("return rowsOf('functions').reduce((sum, row) => sum + row.self, 0)") == weight
        assert driver.execute_script("return flame.tree.childrenOf(0).reduce((sum, node) => sum + flame.tree.total[node], 0)") == weight
        driver.find_element("id", "search").send_keys("method_1115 ")
        assert 0 < float(driver.find_element("id", "matches").text.split(" %")[0]) < 100


def test_html_of_nothing_and_of_hostile_names(tmp_path):
    need_recording()
    nasty = tmp_path / "<script>alert(1)<" / "a&b.py"
    nasty.parent.mkdir()
    nasty.write_text("import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: sum(range(1000))\n")
    record(tmp_path / "n.plait", "--", "/usr/bin/python3", nasty)
    record(tmp_path / "none.plait", "-e", "alignment-faults", "--", "true")
    with browser() as driver:
        open_page(driver, export(tmp_path / "n.plait", "html", tmp_path / "n.html"))
        assert "a&b.py" in driver.execute_script("return document.body.innerText")
        open_page(driver, export(tmp_path / "none.plait", "html", tmp_path / "none.html"))
        assert "No samples were taken" in driver.execute_script("return document.body.innerText")


def test_output_names_pipes_and_errors(profile, tmp_path):
    copy = tmp_path / "job.plait"
    shutil.copy(profile, copy)
    result = run_plait("export", copy)
    assert result.returncode == 0 and f"wrote {tmp_path}/job.html" in result.stderr and (tmp_path / "job.html").exists()
    assert run_plait("export", "-F", "collapsed", "-o", "-", copy).stdout.count("\n") > 10
    wrong = run_plait("export", "-F", "speedscpe", copy)
    assert wrong.returncode == 2 and "did you mean speedscope" in wrong.stderr
    for words, said in ([["-o", tmp_path / "no" / "such.html", copy], "cannot create"],
                        [[tmp_path / "nothing.plait"], "cannot open the recording"],
                        [[copy, copy], "plait merge"]):
        result = run_plait("export", *words)
        assert result.returncode != 0 and said in result.stderr, result.stderr
    with open("/dev/full", "w") as full:
        result = run_plait("export", "-F", "json", "-o", "-", copy, stdout=full)
    assert result.returncode == 1 and "No space left" in result.stderr
    damaged = tmp_path / "damaged.plait"
    content = bytearray(profile.read_bytes())
    content[len(content) * 2 // 3] ^= 0xff
    damaged.write_bytes(content)
    result = run_plait("export", damaged)
    assert result.returncode == 1 and "before the damage" in result.stderr and (tmp_path / "damaged.html").exists()
