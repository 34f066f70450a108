"""plait view on a real terminal: what is on the screen after which keys, and how it leaves."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest

from plait_runner import PLAIT, ROOT, need_recording, record, run_plait
from terminal import STOPPED, Terminal, pyte

TOOL = pathlib.Path(os.environ.get("PLAIT_TEST_BIN", pathlib.Path(PLAIT).parent / "tests")) / "make_view_recording"
JOB = '''import threading


def inner(n):
    return sum(i * i for i in range(n))


def outer(rounds):
    for _ in range(rounds):
        inner(30000)


def sorting_worker(rounds):
    for _ in range(rounds):
        sorted(range(20000), key=lambda x: -x)


thread = threading.Thread(target=sorting_worker, args=(200,))
thread.start()
outer(400)
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


def made(tmp_path, *words):
    """A recording by make_view_recording."""
    path = tmp_path / "made.plait"
    subprocess.run([TOOL, *words, path], check=True)
    return path


# ---- what is on the screen ----

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


def test_report_tui_is_the_same_and_takes_the_options_of_report(recorded):
    with Terminal("report", "--tui", "--lines", "-e", "page-faults", "-f", "job", recorded) as terminal:
        terminal.wait("[4 lines]").wait("page-faults").wait("only stacks with job")
        assert terminal.press("q").end() == 0


def test_opening_and_closing(recorded):
    with Terminal("view", recorded) as terminal:
        terminal.wait("?: keys").press("C").wait(lambda t: "genexpr" not in t.text, "the tree closed")
        terminal.press("home", "right").wait(lambda t: "▾" in t.text, "an open row")
        closed = terminal.text.count("▸")
        terminal.press("E").wait("genexpr").wait(lambda t: t.text.count("▾") > 4, "the tree open")
        assert closed
        terminal.press("home", "left").wait(lambda t: "▸" in t.highlighted(), "the first row closed")
        terminal.press("enter").wait(lambda t: "▾" in t.highlighted(), "the first row open")
        terminal.press("G").wait(lambda t: "▾" not in (t.highlighted() or "▾"), "the last row")
        assert terminal.press("q").end() == 0


def test_searching_opens_what_is_closed(recorded):
    with Terminal("view", recorded) as terminal:
        terminal.wait("?: keys").press("C").press(*"/lambda")
        terminal.wait(lambda t: t.lines[-1] == "/lambda", "the prompt")
        assert not terminal.screen.cursor.hidden
        terminal.press("enter").wait(lambda t: "lambda" in (t.highlighted() or ""), "the row that was searched")
        terminal.wait(lambda t: re.search(r"lambda: 1 of \d+", t.lines[-1]), "which match it is")
        assert terminal.screen.cursor.hidden
        terminal.press(*"/outer\\(4", "enter")  # the text of a source line
        terminal.wait(lambda t: "<module>" in (t.highlighted() or "") and "1 of 1" in t.lines[-1], "the call's row")
        terminal.press(*"/zzz", "enter").wait("nothing in the recording matches 'zzz'")
        terminal.press(*"/sorting_worker", "enter").wait(lambda t: "sorting_worker" in (t.highlighted() or ""), "another row")
        assert terminal.press("q").end() == 0


def test_event_and_thread_are_switched(recorded):
    with Terminal("view", recorded) as terminal:
        terminal.wait("?: keys").press("s").wait("Which event?").wait("page-faults")
        terminal.press("down", "enter").wait(
            lambda t: re.search(r"page-faults  [\d,]+ samples", t.text), "the other event")
        terminal.press("s", "up", "enter").wait(lambda t: re.search(r"cpu-clock  [\d,]+ samples", t.text))
        terminal.press("t").wait("Which thread?")
        threads = [line for line in terminal.lines if " of " in line]
        assert len(threads) == 2
        terminal.press("down", "enter").wait(lambda t: re.search(r"only thread \d+: [\d,]+ of [\d,]+ samples", t.text))
        terminal.press("t", "home", "enter").wait(lambda t: "only thread" not in t.text, "all threads")
        terminal.press("p").wait("Which process?").wait("all processes").press("esc")
        assert terminal.press("q").end() == 0


def test_figures_are_those_of_the_report(recorded):
    """The table of functions in the view and that of `report --flat`: the same rows with the same shares."""
    said = run_plait("report", "--flat", "--threshold", "0", "--columns", "100", recorded).stdout
    wanted = [re.split(r"  +", line.strip()) for line in said.split("function\n")[1].splitlines()[:8]]
    with Terminal("view", "--flat", recorded, rows=40) as terminal:
        terminal.wait("[3 functions]").wait("?: keys")
        start = next(i for i, line in enumerate(terminal.lines) if line.endswith("function")) + 1
        shown = [re.split(r"  +", line.strip()) for line in terminal.lines[start:start + 8]]
        assert [row[0] for row in shown] == [row[0] for row in wanted]
        assert [row[3:] for row in shown] == [row[3:] for row in wanted]
        terminal.press("q")


def test_callers_and_lines(recorded):
    with Terminal("view", recorded) as terminal:
        terminal.wait("?: keys").press("2").wait("[2 callers]").wait(" share")
        terminal.press("4").wait("[4 lines]").wait(lambda t: re.search(r"inner\.<locals>\S+ +job.py:5", t.text))
        terminal.press("tab").wait("[1 tree]")
        assert terminal.press("q").end() == 0


def test_annotation_and_back(recorded):
    with Terminal("view", "--lines", recorded) as terminal:
        terminal.wait("[4 lines]").press(*"/job.py:5", "enter").wait(lambda t: "job.py:5" in (t.highlighted() or ""))
        terminal.press("a").wait(lambda t: re.search(r"5▶ +return sum\(i \* i", t.highlighted() or ""), "the line marked")
        assert "own" in terminal.text and "with callees" in terminal.text
        terminal.press("o").wait("def outer(rounds):")  # the whole file
        terminal.press("o").wait("native functions that this line ran")
        terminal.press("esc").wait("[4 lines]")
        terminal.wait(lambda t: "job.py:5" in (t.highlighted() or ""), "the row that was annotated")
        assert terminal.press("q").end() == 0


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler")
def test_annotation_of_native_code(tmp_path):
    need_recording()
    (tmp_path / "hot.c").write_text("long hot_loop(long n)\n{\n    volatile long sum = 0;\n"
                                    "    for (long i = 0; i < n; i++)\n        sum += i / 3;\n    return sum;\n}\n")
    (tmp_path / "hot.py").write_text("import ctypes, sys\nf = ctypes.CDLL(sys.argv[1]).hot_loop\n"
                                     "for _ in range(100): f(ctypes.c_long(3000000))\n")
    subprocess.run(["cc", "-g", "-O1", "-shared", "-fPIC", "-o", tmp_path / "libhot.so", tmp_path / "hot.c"], check=True)
    record(tmp_path / "run.plait", "--", "/usr/bin/python3", tmp_path / "hot.py", tmp_path / "libhot.so")
    with Terminal("view", tmp_path / "run.plait") as terminal:
        terminal.wait("?: keys").press("H").wait(lambda t: "hot_loop" in (t.highlighted() or ""), "the hottest function")
        terminal.press("a").wait("libhot.so").wait("sum += i / 3;")
        hottest = re.match(r" +(\d+\.\d)", terminal.highlighted())
        figures = [float(m.group(1)) for m in (re.match(r" {0,3}(\d+\.\d)", line) for line in terminal.lines) if m]
        assert hottest and float(hottest.group(1)) == max(figures)
        terminal.press("q").wait("[1 tree]").press("4").wait("[4 lines]")
        terminal.press(*"/hot.py:3", "enter", "a").wait("native functions that it ran:")
        terminal.press(*"/hot_loop .lib", "enter").wait(lambda t: "hot_loop [" in (t.highlighted() or ""))
        terminal.press("enter").wait("sum += i / 3;")  # from the list to its assembly, and back
        terminal.press("q").wait("native functions that it ran:").press("q").wait("[4 lines]")
        assert terminal.press("q").end() == 0


def test_filter_and_frames(recorded):
    with Terminal("view", recorded) as terminal:
        terminal.wait("?: keys").press("f", *"lambda", "enter").wait("only stacks with lambda")
        terminal.wait(lambda t: "genexpr" not in t.text, "the filtered tree")
        terminal.press("f", "\x15", "enter").wait(lambda t: "only stacks" not in t.text, "no filter")
        terminal.press("m", "enter", "esc").wait("without native frames")
        assert terminal.press("q").end() == 0


def test_help_and_info(recorded):
    with Terminal("view", recorded) as terminal:
        terminal.wait("?: keys").press("?").wait("Open and close").press("q").wait("[1 tree]")
        terminal.press("h").wait("Open and close").press("esc").wait("[1 tree]")
        terminal.press("i").wait("bpf engine").press("q").wait("[1 tree]")
        assert terminal.press("q").end() == 0


def test_the_documentation_has_the_keys_of_the_help(recorded):
    text = (ROOT / "docs" / "view.md").read_text()
    with Terminal("view", recorded, rows=60, columns=200) as terminal:
        terminal.wait("?: keys").press("?").wait("this help")
        rows = [re.fullmatch(r"  (\S.*?)  +(\S.*)", line) for line in terminal.lines[:-1]]
        rows = [match.groups() for match in rows if match]
        assert len(rows) > 25
        for keys, meaning in rows:
            assert f"| `{keys}` | {meaning} |" in text
        terminal.press("q", "q")


# ---- terminals ----

def test_resizing(recorded):
    with Terminal("view", recorded) as terminal:
        terminal.wait("?: keys")
        for rows, columns in ((12, 50), (5, 20), (1, 9), (50, 160)):
            terminal.resize(rows, columns)
            terminal.press("j").wait(lambda t: t.highlighted(), f"a cursor in {rows} x {columns}")
        terminal.wait("?: keys").wait("Stacks   complete")
        assert terminal.press("q").end() == 0


def test_a_tiny_terminal(recorded):
    with Terminal("view", recorded, rows=5, columns=20) as terminal:
        terminal.wait(lambda t: re.match(r" +\d+\.\d", t.highlighted() or ""), "a row with its share")
        terminal.press("?").wait("Move").press("q", "4").wait(lambda t: t.highlighted(), "a row")
        assert terminal.press("q").end() == 0


def test_without_colour(recorded):
    for settings, coloured in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "vt100"}, False)):
        with Terminal("view", recorded, env=settings) as terminal:
            terminal.wait("inner")
            cells = [cell for row in range(30) for cell in terminal.screen.buffer[row].values()]
            assert any(cell.fg == "green" for cell in cells) == coloured
            assert any(cell.bold for cell in cells)
            assert terminal.press("q").end() == 0


def test_colours_of_the_report(recorded):
    """Python green and native cyan, as in text."""
    with Terminal("view", recorded) as terminal:
        terminal.wait("inner").press("E", "G")
        number = next(i for i, line in enumerate(terminal.lines) if re.search(r"▾ outer ", line))
        column = terminal.lines[number].index("outer")
        assert terminal.screen.buffer[number][column].fg == "green"
        assert terminal.press("q").end() == 0


def test_ascii(recorded):
    for words, settings in (([], {"LC_ALL": "C"}), (["--ascii"], {})):
        with Terminal("view", *words, recorded, env=settings) as terminal:
            terminal.wait("- outer").press("a").wait("own")
            assert terminal.text.isascii()
            terminal.press("q", "q")
            assert terminal.end() == 0


def test_hostile_names_do_not_reach_the_terminal(tmp_path):
    with Terminal("view", made(tmp_path, "hostile")) as terminal:
        terminal.wait("desrever")
        for keys in ("2", "3", "4", "i", "q", "t", "q", "p", "q", "1", "a", "q", "G", "a", "q", "/x\r"):
            terminal.press(keys).read(0.5)
        terminal.press("g").wait(r"\x1b[31mred\x1b[2J")
        assert "計算する" in terminal.text.replace(" ", "")
        assert terminal.press("q").end() == 0
        for hostile in (b"\x1b[31mred", b"\x1b]0;", b"\x1b[5m", "\u202e".encode(), b"there\r", b"\x9b" b"31m\xff"):
            assert hostile not in terminal.raw


@pytest.mark.parametrize("kind", ["empty", "cut", "damaged"])
def test_recordings_that_are_not_whole(tmp_path, kind):
    path = made(tmp_path, *(["empty"] if kind == "empty" else ["big", "30000"]))
    data = path.read_bytes()
    if kind == "cut":
        path.write_bytes(data[:len(data) * 2 // 3])
    elif kind == "damaged":
        path.write_bytes(data[:len(data) // 2] + b"\xff" * 64 + data[len(data) // 2 + 64:])
    with Terminal("view", path) as terminal:
        terminal.wait({"empty": "no samples to show", "cut": "the recording was cut off", "damaged": "damaged: "}[kind])
        terminal.press("4", "3", "2", "1", "i").wait("engine")
        status = terminal.press("q", "q").end()
        assert status == (1 if kind == "damaged" else 0)
        assert (b"came before the damage" in terminal.raw.rsplit(b"\x1b[?1049l")[-1]) == (kind == "damaged")


# ---- leaving ----

@pytest.mark.parametrize("command", [["view"], ["report", "--tui"]])
def test_not_a_terminal(tmp_path, command):
    result = run_plait(*command, made(tmp_path, "empty"))
    assert result.returncode == 1
    assert "needs a terminal" in result.stderr and "plait report" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("settings, said", [
    ({"TERM": "dumb"}, "cannot draw on a terminal of type 'dumb'"),
    ({"TERM": "no-such-terminal"}, "'no-such-terminal' (TERM) are not known"),
    ({"TERM": ""}, "TERM is not set"),
    ({"TERM": None}, "TERM is not set"),
])
def test_terminals_that_cannot_be_drawn_on(tmp_path, settings, said):
    with Terminal("view", made(tmp_path, "empty"), env=settings, columns=200) as terminal:
        assert terminal.end() == 1
        assert said in terminal.text and "plait report" in terminal.text
        assert b"\x1b" not in terminal.raw


@pytest.mark.parametrize("words, said", [
    (["view", "--flat", "--lines"], "cannot be combined"),
    (["view", "a", "b"], "one recording"),
    (["report", "--tui", "--format", "json"], "cannot be combined"),
    (["report", "--tui", "--memory"], "cannot be combined"),
    (["view", "--color", "perhaps"], "not auto, always or never"),
])
def test_wrong_words(words, said, tmp_path):
    result = run_plait(*words, cwd=tmp_path)
    assert result.returncode == 2, result.stderr
    assert said in result.stderr


def test_a_wrong_choice_leaves_the_terminal_alone(tmp_path):
    path = made(tmp_path, "empty")
    for words, said, status in ((["-t", "nobody"], "no thread 'nobody'", 2), (["-f", "("], "cannot filter", 2),
                                (["--metric", "ipc"], "ipc", 2)):
        with Terminal("view", *words, path, columns=200) as terminal:
            assert terminal.end() == status
            assert said in terminal.text
            assert b"\x1b[?1049h" not in terminal.raw
    with Terminal("view", tmp_path / "none.plait", columns=200) as terminal:
        assert terminal.end() == 1
        assert "none.plait" in terminal.text


def test_ctrl_c(recorded):
    with Terminal("view", recorded) as terminal:
        terminal.wait("?: keys").press("ctrl-c")
        assert terminal.end() == -signal.SIGINT
        assert terminal.is_restored()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGSEGV, signal.SIGABRT])
def test_signals_put_the_terminal_back(recorded, number):
    """Those that ask for an end, and those of a crash."""
    with Terminal("view", recorded) as terminal:
        terminal.wait("?: keys")
        os.kill(terminal.pid, number)
        assert terminal.end() == -number
        assert terminal.is_restored()


def test_ctrl_z_stops_it_with_the_terminal_put_back(recorded):
    with Terminal("view", recorded, shell=True) as terminal:
        terminal.wait("?: keys").press("ctrl-z")
        terminal.wait(STOPPED)
        assert terminal.is_restored()
        terminal.resize(20, 80)
        terminal.press("x")  # the shell lets it go on
        terminal.wait(lambda t: not t.is_restored() and "?: keys" in t.lines[-1], "the screen again")
        terminal.press("j").wait(lambda t: t.highlighted(), "a cursor")
        assert terminal.press("q").end() == 0
        assert terminal.is_restored()


def test_the_end_of_the_terminal_ends_it(recorded):
    with Terminal("view", recorded) as terminal:
        terminal.wait("?: keys")
        os.close(terminal.fd)
        deadline = time.monotonic() + 30
        pid = 0
        while not pid and time.monotonic() < deadline:
            pid, _ = os.waitpid(terminal.pid, os.WNOHANG)
            time.sleep(0.05)
        assert pid
        terminal.status, terminal.fd = 0, os.open(os.devnull, os.O_RDONLY)


def test_a_tree_of_hundreds_of_thousands_of_nodes(tmp_path):
    """All of it open: the row under the cursor is the one that the text has there."""
    path = made(tmp_path, "big", "20000")
    said = run_plait("report", "--threshold", "0", "--full", "--columns", "100", path).stdout.splitlines()
    start = next(i for i, line in enumerate(said) if line.startswith(" total"))
    with Terminal("view", "--threshold", "0", "--full", path) as terminal:
        terminal.wait("?: keys").press("E").wait(lambda t: re.search(r"\d/\d\d\d,\d\d\d", t.lines[-1]), "many rows")
        assert int(re.search(r"/([\d,]+)", terminal.lines[-1]).group(1).replace(",", "")) == len(said) - start - 1
        terminal.press("G").wait(lambda t: t.highlighted(), "the last row")
        last = re.findall(r"function_\d+", said[-1])[0]
        terminal.wait(lambda t: t.lines[-1].startswith(last + " "), last)  # in full on the last line
        assert terminal.press("q").end() == 0
