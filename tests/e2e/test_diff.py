"""plait diff: a slow-down of a real program is told from noise, equal recordings are equal, limits fail, and the page shows it."""
import json
import re
import shutil

import pytest

from browser import browser, open_page, pixels, wait_for
from plait_runner import need_recording, record, run_plait

PROGRAM = """import sys
def steady(n):
    total = 0
    for i in range(n):
        total += i * i
    return total
def slowed(n):
    total = 0
    for i in range(n):
        total += i ^ 5
    return total
{extra}def main(factor):
    for _ in range(600):
        steady(16000)
        slowed(4000 * factor)
        {call}
main(int(sys.argv[1]))
"""
EXTRA = "def added(n):\n    return sum(i * 3 for i in range(n))\n"


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Checkouts, recorded in turns: in the new ones slowed() does six times as much, and added() is new, above main()."""
    need_recording()
    folder = tmp_path_factory.mktemp("diff")
    paths = {}
    for name, extra, call, factor in (("base", "", "pass", 1), ("new", EXTRA, "added(3000)", 6),
                                      ("base2", "", "pass", 1), ("new2", EXTRA, "added(3000)", 6)):
        checkout = folder / name
        checkout.mkdir()
        (checkout / "program.py").write_text(PROGRAM.format(extra=extra, call=call))
        paths[name] = folder / f"{name}.plait"
        record(paths[name], "-F", "2500", "-e", "cpu-clock,page-faults", "--bundle-sources", "--", "/usr/bin/python3",
               checkout / "program.py", factor)
    return paths


def diff(*words, status=0):
    result = run_plait("diff", *words)
    assert result.returncode == status, (result.stderr, result.stdout[-2000:])
    return result


def diff_json(*words, status=0):
    return json.loads(diff("--format", "json", *words, status=status).stdout)


def function(document, name):
    found = [row for row in document["functions"]["rows"] if row["name"] == name]
    assert len(found) == 1, name
    return found[0]


def told(document):
    return {row["name"] for row in document["functions"]["rows"]
            if {row["own"]["verdict"], row["total"]["verdict"]} & {"slower", "faster", "added", "removed"}}


def test_a_slow_down_is_told_from_noise(recordings):
    document = diff_json(recordings["base"], recordings["new"])
    slowed = function(document, "slowed")
    assert slowed["total"]["verdict"] == "slower" and slowed["total"]["change"] > 1.5
    assert slowed["place"] == "program.py" and slowed["lines"][0] == slowed["lines"][1] == 7
    assert slowed["total"]["low"] < slowed["total"]["change"] < slowed["total"]["high"]
    assert function(document, "added")["total"]["verdict"] == "added"
    assert function(document, "steady")["total"]["verdict"] == "undecided"
    line, = [row for row in document["lines"]["rows"] if row["text"] == "total += i ^ 5"]
    assert line["total"]["verdict"] == "slower" and not line["guessed"]
    # lines below the new function are matched by their text: two and three lines further down
    call, = [row for row in document["lines"]["rows"] if row["text"] == "slowed(4000 * factor)"]
    assert call["lines"][1] == call["lines"][0] + 2


def test_equal_recordings_are_equal(recordings):
    document = diff_json(recordings["base"], recordings["base"])
    assert not told(document) and document["gate"] is None
    for row in document["functions"]["rows"]:
        for figure in (row["own"], row["total"]):
            assert figure["change"] is None or abs(figure["change"]) < 1e-9
    assert diff_json(recordings["base"], recordings["base"], "--absolute")["whole"]["verdict"] == "undecided"


def test_absolute_amounts_are_the_reports(recordings):
    document = diff_json(recordings["base"], recordings["new"], "--absolute", "--run-noise", "5%")
    for side, path in (("base", recordings["base"]), ("new", recordings["new"])):
        events = json.loads(run_plait("report", "--format", "json", path).stdout)["recording"]["events"]
        assert document["whole"][side]["weight"] == events[0]["total"]
    assert document["whole"]["verdict"] == "slower" and document["unit"] == "ns"


def test_text_says_what_and_how_sure(recordings):
    said = diff(recordings["base"], recordings["new"], "--columns", "80").stdout
    assert max(map(len, said.splitlines())) <= 80
    slower = re.search(r"^Slower: .*?\n\n", said, re.M | re.S)[0]
    assert re.search(r"\+\d+ %\*\s+slowed\s+program\.py$", slower, re.M), said
    assert re.search(r"^New: .*?new\*\s+added", said, re.M | re.S), said
    assert "at most 5 %" in " ".join(said.split())
    assert "--run-noise" in said
    lines = diff(recordings["base"], recordings["new"], "--lines", "--columns", "120").stdout
    assert re.search(r"%\*\s+slowed\s+program\.py:10\s+total \+= i \^ 5", lines), lines
    narrow = diff(recordings["base"], recordings["new"], "--columns", "50").stdout
    assert max(map(len, narrow.splitlines())) <= 50 and "slowed" in narrow


def test_several_recordings_a_side(recordings):
    document = diff_json("--base", recordings["base"], "--base", recordings["base2"], "--new", recordings["new"],
                         "--new", recordings["new2"])
    assert len(document["base"]["recordings"]) == 2 and document["run_noise"] is None
    both = function(document, "slowed")["total"]
    assert document["interleaved"] and both["change"] > 1.5 and both["p"] < 1 and both["detectable"] > 0
    singles = [function(diff_json(recordings["base"], recordings[name]), "slowed")["total"]["new"] for name in ("new", "new2")]
    assert both["new"]["samples"] == sum(single["samples"] for single in singles)
    assert both["new"]["weight"] == pytest.approx(sum(single["weight"] for single in singles) / 2)  # of a recording


def test_limits_fail_with_status_3_and_say_why(recordings):
    pair = recordings["base"], recordings["new"]
    broken = diff(*pair, "--fail-above", "20%", status=3)
    assert re.search(r"limit broken: slowed \(program\.py\) got slower by \d+\.\d % .*allowed 20 %", broken.stderr)
    assert "added" not in re.sub(r".*is new.*", "", broken.stderr)
    assert "Slower:" in broken.stdout  # the report is written all the same
    assert diff(*pair, "--fail-above", "5000%").returncode == 0
    named = diff(*pair, "--fail-function", "slowed:20%", "--fail-function", "steady:20", status=3)
    assert named.stderr.count("limit broken") == named.stderr.count("limit broken: slowed")
    assert "added (program.py) is new" in diff(*pair, "--fail-function", "added:10%", status=3).stderr
    document = diff_json(*pair, "--fail-function", "slowed:20%", status=3)
    assert not document["gate"]["passed"]
    assert document["functions"]["rows"][document["gate"]["failures"][0]["function"]]["name"] == "slowed"
    passed = diff(recordings["base"], recordings["base"], "--fail-above", "5%")
    assert "may not be noticed" in passed.stderr  # one short recording a side is not enough for 5 %


def test_filters_and_events_hold(recordings):
    document = diff_json(recordings["base"], recordings["new"], "--filter", "slowed", "--no-native", "--no-kernel")
    assert {row["kind"] for row in document["functions"]["rows"] if row["total"]["new"]["samples"]} <= {"python", "marker"}
    assert document["new"]["samples"] == function(document, "slowed")["total"]["new"]["samples"]
    assert diff_json(recordings["base"], recordings["new"], "--event", "page-faults")["unit"] == "count"


@pytest.mark.parametrize("words, said", [
    (["{base}"], "diff takes two recordings, not 1"),
    (["{base}", "{new}", "{new}"], "diff takes two recordings, not 3"),
    (["{base}", "{new}", "--format", "xml"], "formats: text, html, json"),
    (["{base}", "{new}", "--event", "cycles"], "has no event 'cycles'"),
    (["{base}", "{new}", "--fail-function", "nobody:5%"], "'nobody'"),
    (["{base}", "{new}", "--fail-function", "slowed"], "is not NAME:PERCENT"),
    (["{base}", "{new}", "--fail-above", "much"], "is not a percentage"),
    (["{base}", "{new}", "--filter", "no_such_function"], "nothing to compare"),
    (["{base}", "{new}", "--thread", "77777777"], "no thread '77777777'"),
    (["{base}", "{new}", "--error-rate", "0"], "above 0"),
])
def test_wrong_words_are_status_2(recordings, words, said):
    result = diff(*[word.format(**recordings) for word in words], status=2)
    assert said in result.stderr and not result.stdout


def test_recordings_that_do_not_fit(recordings, tmp_path):
    faults = tmp_path / "faults.plait"
    record(faults, "-e", "page-faults", "--", "/usr/bin/python3", "-c", "pass")
    refused = diff(recordings["base"], faults, status=2).stderr
    assert "faults.plait has no event 'cpu-clock'" in refused and "it has: page-faults" in refused
    longer = tmp_path / "longer.plait"  # of several blocks: what is cut off is not all
    record(longer, "-F", "2500", "--", "/usr/bin/python3", "-c", "import time\nwhile time.process_time() < 3: sum(range(1000))")
    content = longer.read_bytes()
    cut = tmp_path / "cut.plait"
    cut.write_bytes(content[:-8])
    assert "was cut off" in diff(recordings["base"], cut, "--absolute", status=2).stderr
    assert "was cut off" in " ".join(diff(recordings["base"], cut).stdout.split())
    damaged = tmp_path / "damaged.plait"
    broken = bytearray(content)
    broken[-100] ^= 0xff  # in the last block
    damaged.write_bytes(broken)
    result = diff(recordings["base"], damaged, status=1)
    assert "what came before the damage is compared" in result.stderr and "is damaged" in " ".join(result.stdout.split())
    assert "is damaged" in diff(recordings["base"], damaged, "--absolute", status=2).stderr
    assert "cannot open the recording" in diff(recordings["base"], tmp_path / "none.plait", status=1).stderr


def test_output_files(recordings, tmp_path):
    pair = recordings["base"], recordings["new"]
    out = tmp_path / "d.json"
    assert "wrote" in diff(*pair, "--format", "json", "-o", out).stderr
    assert json.loads(out.read_text())["format"] == "plait-diff"
    assert run_plait("diff", "--format", "html", *pair, cwd=tmp_path).returncode == 0
    assert (tmp_path / "diff.html").read_text().startswith("<!DOCTYPE html>")
    assert diff(*pair, "-o", tmp_path / "d.txt").stdout == ""
    assert "\x1b" not in (tmp_path / "d.txt").read_text()
    with open("/dev/full", "w") as full:
        result = run_plait("diff", *pair, stdout=full)
    assert result.returncode == 1 and "No space left" in result.stderr


def page(recordings, tmp_path, *words):
    path = tmp_path / "diff.html"
    diff("--format", "html", "-o", path, recordings["base"], recordings["new"], *words)
    assert "http" not in re.sub(r"Content-Security-Policy|http-equiv", "", path.read_text()[:4000])
    return path


def test_page_shows_both_sides(recordings, tmp_path):
    document = diff_json(recordings["base"], recordings["new"])
    slowed = function(document, "slowed")["total"]
    with browser() as driver:
        open_page(driver, page(recordings, tmp_path))
        text = driver.execute_script("return document.body.innerText")
        assert "slower or new" in text and "program.py 6" in text
        row = driver.execute_script("return [...document.querySelectorAll('#table tbody tr')].map(r => r.innerText)"
                                    ".find(t => /\\bslowed\\b/.test(t))")
        shown = re.findall(r"[\d.]+(?= %)", row)
        assert f"{100 * slowed['base']['share']:.1f}" in shown and f"{100 * slowed['new']['share']:.1f}" in shown
        assert "*" in row
        # a frame that is slower is orange, one that is not told from noise is grey: on the screen
        image = pixels(driver, "#flame")
        colour = {}
        for name in ("slowed", "steady"):
            x, y = driver.execute_script(f"""
                const box = boxes.find(b => diff.functions.rows[tree.function[b.node]].name === "{name}");
                return [box.x + box.w - 3, box.row * ROW + 3];""")
            colour[name] = image.getpixel((int(x), int(y)))
        red, _, blue = colour["slowed"]
        assert red - blue > 80
        assert max(colour["steady"]) - min(colour["steady"]) < 60
        # search: both sides' sums
        box = driver.find_element("id", "search")
        box.send_keys("slowed")
        found = driver.find_element("id", "matches").text
        assert f"base {100 * slowed['base']['share']:.1f} %" in found and f"new {100 * slowed['new']['share']:.1f} %" in found
        box.send_keys("\ue00c")
        assert driver.find_element("id", "matches").text == ""
        driver.find_element("id", "tab-lines").click()
        assert "total += i ^ 5" in driver.find_element("id", "table").text
        driver.find_element("id", "told").click()
        rows = driver.find_elements("css selector", "#table tbody tr")
        assert rows and all("*" in row.text for row in rows)


def test_page_tip_zoom_and_keys(recordings, tmp_path):
    with browser() as driver:
        from selenium.webdriver.common.action_chains import ActionChains
        open_page(driver, page(recordings, tmp_path))
        x, y = driver.execute_script("""
            const box = boxes.find(b => diff.functions.rows[tree.function[b.node]].name === "slowed");
            const at = document.getElementById("flame").getBoundingClientRect();
            return [at.left + box.x + box.w / 2, at.top + box.row * ROW + ROW / 2];""")
        actions = ActionChains(driver)
        actions.w3c_actions.pointer_action.move_to_location(int(x), int(y))
        actions.perform()
        tip = driver.find_element("id", "tip").text
        assert "slowed" in tip and "base" in tip and "new" in tip and "slower" in tip
        actions.w3c_actions.pointer_action.click()
        actions.perform()
        assert "slowed" in driver.find_element("id", "path").text
        detail = driver.find_element("id", "detail").text
        assert "95 % interval" in detail and "slower" in detail
        flame = driver.find_element("id", "flame")
        driver.execute_script("arguments[0].focus()", flame)
        flame.send_keys("\ue003")  # Backspace
        assert "main" in driver.find_element("id", "path").text
        flame.send_keys("\ue00c")
        assert driver.execute_script("return state.zoom") == 0
        flame.send_keys("\ue015\ue015\ue007")
        assert driver.execute_script("return state.zoom") > 0
        wide = driver.execute_script("return boxes.find(b => diff.functions.rows[tree.function[b.node]].name === 'added')") is not None
        driver.execute_script("const box = document.getElementById('widths'); box.value = 'base'; box.dispatchEvent(new Event('change'))")
        assert wide and driver.execute_script(
            "return boxes.every(b => diff.functions.rows[tree.function[b.node]].name !== 'added')")


@pytest.mark.parametrize("width,height,dark", [(1600, 1000, False), (1600, 1000, True), (420, 900, False), (420, 900, True)])
def test_page_fits_and_can_be_read(recordings, tmp_path, width, height, dark):
    with browser(width, height, dark) as driver:
        open_page(driver, page(recordings, tmp_path))
        assert driver.execute_script("return document.documentElement.scrollWidth") <= width
        back = pixels(driver, "#verdict").getpixel((1, 1))
        assert (max(back) < 60) if dark else (min(back) > 230)


def test_page_of_hostile_names(tmp_path):
    need_recording()
    nasty = tmp_path / "<script>alert(1)<" / "a&b.py"
    nasty.parent.mkdir()
    nasty.write_text("import time\nend = time.monotonic() + 0.5\nwhile time.monotonic() < end: sum(range(1000))\n")
    record(tmp_path / "n.plait", "--bundle-sources", "--", "/usr/bin/python3", nasty)
    shutil.copy(tmp_path / "n.plait", tmp_path / "m.plait")
    path = tmp_path / "diff.html"
    diff("--format", "html", "-o", path, tmp_path / "n.plait", tmp_path / "m.plait")
    with browser() as driver:
        open_page(driver, path)
        assert "a&b.py" in wait_for(driver, "document.body.innerText")
