"""Recording whole programs: threads, processes, execs, attach, several interpreters, unknown and damaged ones."""
import collections
import os
import re
import shutil
import subprocess
import sys
import time

import pytest

import plait_runner
from interpreters import interpreters
from plait_runner import (SLOWNESS, TARGETS, collapsed, complete_share, pause, record, record_attached, report_json, run_plait,
                          trust)


def busy(seconds):
    """A program that is busy for so many seconds of CPU time: the number of samples does not depend on what else the
    machine does."""
    return (f"import time\nend = time.process_time() + {seconds * SLOWNESS}\n"
            "while time.process_time() < end: sum(range(500))\n")


def threads_of(recording):
    """{(process name:pid, thread name:tid): samples}"""
    figures = {}
    for stack in collapsed(recording, "--by-thread"):
        key = tuple(stack.frames[:2])
        figures[key] = figures.get(key, 0) + stack.count
    return figures


def samples_with(recording, text, *options):
    return sum(stack.count for stack in collapsed(recording, *options) if any(text in frame for frame in stack.frames))


def test_json_has_what_is_documented(recording):
    record(recording, "--", sys.executable, "-c", busy(0.5))
    report = report_json(recording)
    assert set(report["recording"]) >= {"command", "host", "started", "seconds", "engine", "events"}
    assert set(report["trust"]) >= {"samples", "complete", "gap", "truncated", "unmerged", "unresolved", "lost"}
    assert report["recording"]["engine"] == "bpf"
    assert report["trust"]["samples"] > 300
    assert report["trust"]["lost"] == 0


@pytest.mark.engines("bpf", "agent", "ptrace")
def test_threads(recording):
    code = ("import threading, time\n"
            f"def work():\n while time.thread_time() < {0.5 * SLOWNESS}: sum(range(500))\n"
            "ts = [threading.Thread(target=work) for _ in range(3)]\n[t.start() for t in ts]\n[t.join() for t in ts]\n")
    record(recording, "--", sys.executable, "-c", code)
    assert sum(count > 50 // SLOWNESS for count in threads_of(recording).values()) >= 3
    # Where the processor is slow the rest is Python's start.
    assert samples_with(recording, "work (<string>:") > (0.8 if SLOWNESS == 1 else 0.4) * trust(recording)["samples"]


@pytest.mark.engines("bpf", "agent")
def test_two_hundred_threads(recording):
    code = ("import threading, zlib\ndata = bytes(1000000)\n"
            "def work():\n for _ in range(4): zlib.compress(data, 1)\n"
            "ts = [threading.Thread(target=work) for _ in range(200)]\n[t.start() for t in ts]\n[t.join() for t in ts]\n")
    record(recording, "-F", 4000 // SLOWNESS, "--", sys.executable, "-c", code)
    assert len(threads_of(recording)) > 150
    assert trust(recording)["lost"] == 0 or SLOWNESS > 1
    assert complete_share(recording) > 0.99


def sets_no_access_flags():
    """Whether this processor leaves it to the kernel to note that a page was used, as those before ARMv8.1 do (Cortex-A53,
    A57, A72, A73). There a forked child has no page that it has used, and a BPF program can read none but those that the
    child has used since."""
    with open("/proc/cpuinfo") as file:
        return bool(re.search(r"^CPU part\s*: 0xd0[3789]$", file.read(), re.M))


@pytest.mark.engines("bpf", "agent")
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(recording, method, tmp_path):
    program = tmp_path / "pool.py"
    program.write_text(
        "import multiprocessing, sys, time\n"
        "def start(barrier):\n"
        "    barrier.wait()\n"  # else the first worker may do all the work before the second one is there
        "def work(n):\n"
        f"    end = time.process_time() + {0.7 * SLOWNESS}\n"
        "    while time.process_time() < end: sum(range(500))\n"
        "    return n\n"
        "if __name__ == '__main__':\n"
        f"    context = multiprocessing.get_context('{method}')\n"
        "    with context.Pool(2, start, [context.Barrier(2)]) as pool:\n"
        "        print(pool.map(work, range(2)))\n")
    assert "[0, 1]" in record(recording, "--", sys.executable, program).stdout
    figures = trust(recording)
    if method != "spawn" and plait_runner.engine == "bpf" and sets_no_access_flags() and figures["truncated"] + figures["unmerged"]:
        # It is said. Else nothing is missing: a child of the fork server may have used all of its stack.
        pytest.skip("on this processor a BPF program cannot read what a forked child has not used since")
    workers = {frames[0] for frames in ((s.frames) for s in collapsed(recording, "--by-thread")
                                         if any(f.startswith("work (") for f in s.frames))}
    assert len(workers) == 2
    assert samples_with(recording, "work (") > 500


@pytest.mark.engines("bpf", "agent")
def test_shell_script_that_starts_python_later(recording):
    record(recording, "--", "sh", "-c", f"sleep 0.2; {sys.executable} -c \"{busy(0.7)}\"; sleep 0.1")
    assert samples_with(recording, "<module> (<string>:") > 400


@pytest.mark.engines("bpf", "agent")
def test_several_versions_in_one_tree(recording):
    found = interpreters()
    if len(found) < 2:
        pytest.skip("fewer than two interpreters found")
    script = "; ".join(f"{i.path} -c 'def version_{i.major}_{i.minor}():\n " + busy(0.4).replace("\n", "\n ") +
                       f"\nversion_{i.major}_{i.minor}()'" for i in found)
    record(recording, "--", "sh", "-c", script)
    missing = [f"{i.major}.{i.minor}" for i in found if samples_with(recording, f"version_{i.major}_{i.minor} (") < 200]
    assert not missing


@pytest.mark.engines("bpf", "agent")
def test_exec_in_place(recording):
    code = f"import os, sys\nsum(range(10**6))\nos.execv(sys.executable, [sys.executable, '-c', '''def after():\n {busy(0.6).replace(chr(10), chr(10) + ' ')}\nafter()'''])"
    record(recording, "--", sys.executable, "-c", code)
    assert samples_with(recording, "after (<string>:") > 300


@pytest.mark.engines("bpf", "ptrace")
def test_attach_does_not_pause_and_follows_new_threads(recording):
    code = ("import threading, time, sys\n"
            "def spin():\n while True: sum(range(500))\n"
            "print('up', flush=True)\ntime.sleep(0.7)\n"
            "for _ in range(2): threading.Thread(target=spin, daemon=True).start()\ntime.sleep(60)\n")
    target = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        target.stdout.readline()
        record_attached(recording, [target.pid], 2)
        assert samples_with(recording, "spin (<string>:") > 200
    finally:
        target.kill()
        target.wait()
        target.stdout.close()


@pytest.mark.engines("bpf", "ptrace")
def test_attach_to_several(recording):
    targets = [subprocess.Popen([sys.executable, "-c", f"def target_{i}():\n while True: sum(range(500))\ntarget_{i}()"])
               for i in range(2)]
    try:
        pause(0.3)
        record_attached(recording, [target.pid for target in targets], 1)
        for i in range(2):
            assert samples_with(recording, f"target_{i} (") > 100 // SLOWNESS  # a stop of engine ptrace takes long there
    finally:
        for target in targets:
            target.kill()
            target.wait()


def test_whole_machine(recording):
    target = subprocess.Popen([sys.executable, "-c", "def everywhere():\n while True: sum(range(500))\neverywhere()"])
    try:
        pause(0.3)
        record_attached(recording, [target.pid], 1, "-a")
        assert samples_with(recording, "everywhere (") > 100
    finally:
        target.kill()
        target.wait()


def test_kernel_frames_belong_to_the_stack(recording):
    record(recording, "--", sys.executable, "-c",
           f"import os, time\nend = time.process_time() + {SLOWNESS}\nwhile time.process_time() < end: os.stat('/'); os.getcwd()")
    assert samples_with(recording, "[kernel]") > 50
    assert samples_with(recording, "[kernel]", "--no-kernel") == 0


def image_with_debug_offsets():
    """(program, shared libpython or None, bytes, offset of the cookie) of a CPython 3.13 or newer; None: not found."""
    for interpreter in reversed([i for i in interpreters() if (i.major, i.minor) >= (3, 13)]):
        program = os.path.realpath(interpreter.path)
        library = os.path.join(os.path.dirname(os.path.dirname(program)), "lib",
                               f"libpython{interpreter.major}.{interpreter.minor}.so.1.0")
        library = library if os.path.exists(library) else None
        data = open(library or program, "rb").read()
        cookies = [m.start() for m in re.finditer(b"xdebugpy", data)  # the code that checks for it has it too
                   if data[m.start() + 8:m.start() + 16][2:] == bytes([interpreter.minor, 3, 0, 0, 0, 0])]
        if cookies:
            return program, library, data, cookies[0]
    return None


@pytest.mark.engines("bpf", "agent")
def test_unknown_python_version_is_native_only_and_said(recording, tmp_path):
    """A CPython from the future: native stacks, one warning, no made-up frame."""
    found = image_with_debug_offsets()
    if not found:
        pytest.skip("no CPython 3.13 or newer found to make an unknown one of")
    real, library, data, cookie = found
    folder = tmp_path / "future"
    folder.mkdir()
    copy = folder / os.path.basename(library or real)
    copy.write_bytes(data[:cookie + 8] + (0x03630000).to_bytes(8, "little") + data[cookie + 16:])
    copy.chmod(0o755)
    environment = dict(os.environ, PYTHONHOME=os.path.dirname(os.path.dirname(real)))
    if library:
        environment["LD_PRELOAD"] = str(copy)  # its SONAME is the one that the program needs
    program = real if library else str(copy)
    result = record(recording, "--", program, "-c", busy(0.6), env=environment)
    assert result.stderr.count("3.99") == 1
    frames = {frame for stack in collapsed(recording) for frame in stack.frames}
    assert not [frame for frame in frames if "(<string>:" in frame]


@pytest.mark.engines("bpf", "agent")
def test_python_frames_survive_the_programs_own_rename_and_chdir(recording, tmp_path):
    record(recording, "--", sys.executable, "-c",
           "import os\nos.chdir('/')\nopen('/proc/self/comm', 'w').write('renamed')\n" + busy(0.6))
    assert any("renamed:" in key[0] or "renamed:" in key[1] for key in threads_of(recording))
    assert samples_with(recording, "<module> (<string>:") > 300


@pytest.mark.engines("bpf", "ptrace")
def test_deleted_file(recording, tmp_path):
    """The interpreter's file is removed while it runs."""
    copy = tmp_path / "python-copy"
    shutil.copy(os.path.realpath("/usr/bin/python3"), copy)
    target = subprocess.Popen([str(copy), "-c", "def still_here():\n while True: sum(range(500))\nstill_here()"])
    try:
        pause(0.5)
        copy.unlink()
        record_attached(recording, [target.pid], 1)
        assert samples_with(recording, "still_here (") > 100 // SLOWNESS
    finally:
        target.kill()
        target.wait()


def test_ten_thousand_samples_a_second_are_all_accounted_for(recording):
    record(recording, "-F", "10000", "--", sys.executable, "-c", busy(2))
    figures = trust(recording)
    assert figures["samples"] + figures["lost"] > 15000
    assert figures["samples"] > 0.9 * (figures["samples"] + figures["lost"])


def test_period(recording):
    record(recording, "-c", "10000000", "-e", "cpu-clock", "--", sys.executable, "-c", busy(1))
    assert 60 <= trust(recording)["samples"] <= 130 * SLOWNESS


def test_page_faults_fall_on_the_line_that_touches(recording, tmp_path):
    program = tmp_path / "touch.py"
    program.write_text("import mmap\n"
                       "def touch(memory, pages):\n"
                       "    for page in range(pages):\n"
                       "        memory[page * 4096] = 1\n"
                       "memory = mmap.mmap(-1, 4096 * 5000)\n"
                       "memory.madvise(mmap.MADV_NOHUGEPAGE) if hasattr(memory, 'madvise') else None\n"
                       "touch(memory, 5000)\n")
    record(recording, "-e", "page-faults", "-c", "1", "--", "/usr/bin/python3", program)
    assert samples_with(recording, f"touch ({program}:4)") == 5000


@pytest.mark.engines("bpf", "agent")
def test_script_and_report_agree(recording):
    record(recording, "--", sys.executable, "-c", busy(0.5))
    lines = [line for line in run_plait("script", "--format", "json", recording).stdout.splitlines() if line]
    assert len(lines) == trust(recording)["samples"]


ONE_LINE = """
import os, sys
def spin(n):
    for i in range(n): pass
for i in range(2000):
    exec(compile("spin(2000); (lambda: spin(2000))()", "one line.py", "exec"), {"spin": spin})
os._exit(0)
"""


@pytest.mark.parametrize("interpreter", interpreters(), ids=lambda i: i.name)
def test_code_on_one_line_that_is_gone_has_its_line(interpreter, recording, tmp_path):
    """Up to 3.9 its line table is empty; there is no process, nor object, to ask any more."""
    (tmp_path / "program.py").write_text(ONE_LINE)
    record(recording, "-F", "997", "--", interpreter.path, tmp_path / "program.py")
    frames = collections.Counter()
    for stack in collapsed(recording):
        for frame in stack.frames:
            if "one line.py" in frame:
                frames[frame] += stack.count
    print(frames)
    if interpreter.minor >= 11:
        frames.pop("<module> (one line.py:0)", None)  # a module's RESUME is on line 0 (Python/compile.c)
    assert set(frames) == {"<module> (one line.py:1)", "<lambda> (one line.py:1)"}
