"""Engine agent: what it does to the program, what it needs (nothing), and what it says that it cannot see."""
import glob
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import pytest

from grammar import Grammar
from interpreters import interpreters
from plait_runner import (PLAIT, SLOWNESS, TARGETS, collapsed, compile_target, pause, record, report_json, run_plait,
                          trust)

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"]
REFUSED = "bpf,perf_event_open,ptrace,process_vm_readv,pidfd_open"
BUSY = "import time\nend = time.process_time() + {seconds}\nwhile time.process_time() < end: sum(range(500))\n"


def names(stacks):
    return {frame.split(" ")[0] for stack in stacks for frame in stack.frames}


@pytest.fixture
def as_nobody(tmp_path_factory):
    """A function that runs plait without any right, behind a filter: as in the strictest container."""
    if os.getuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("needs root and setpriv")
    folder = pathlib.Path(subprocess.run(["mktemp", "-d"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip())
    for file in (PLAIT, pathlib.Path(PLAIT).parent / "libplait-agent.so", compile_target("refuse.c", folder)):
        if not (folder / pathlib.Path(file).name).exists():
            shutil.copy(file, folder)
    folder.chmod(0o777)

    def run(*arguments):
        for file in folder.iterdir():
            if not file.name.endswith(".plait"):
                file.chmod(0o755)
        result = subprocess.run([*NOBODY, folder / "refuse", REFUSED, folder / "plait", *map(str, arguments)], cwd=folder,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if result.returncode == 77:
            pytest.skip("this host does not allow seccomp filters")
        return result

    run.folder = folder
    yield run
    shutil.rmtree(folder)


def everyone_may_run(path):
    return all(os.stat(place).st_mode & 0o001 for place in [path, *pathlib.Path(os.path.realpath(path)).parents])


@pytest.mark.parametrize("interpreter", [i for i in interpreters() if everyone_may_run(i.path)], ids=lambda i: i.name)
def test_without_any_right(interpreter, as_nobody):
    """Complete stacks, none outside of the grammar, and the reason why no better engine was taken."""
    shutil.copy(TARGETS / "reentry_imported.py", as_nobody.folder)
    target = shutil.copy(TARGETS / "reentry.py", as_nobody.folder)
    output = as_nobody.folder / "run.plait"
    result = as_nobody("record", "-o", output, "--agent-timer", "fast", "--", interpreter.path, target, "4")
    assert result.returncode == 0, result.stderr
    assert "agent engine" in result.stderr.splitlines()[0] and "bpf" in result.stderr.splitlines()[0]
    stacks = collapsed(output)
    checked, marked, problems = Grammar(target).check(stacks)
    assert not problems, problems[:5]
    assert checked > 2000
    figures = trust(output)
    allowed = 0.002 if interpreter[:2] in ((3, 11), (3, 12)) else 0.001  # CPython's own windows: hybrid-unwinding.md
    assert figures["complete"] >= (1 - allowed) * figures["samples"] - 1, figures
    assert report_json(output)["recording"]["engine"] == "agent"


def leftovers():
    return set(glob.glob("/tmp/plait-*/agent"))


def test_the_program_behaves_as_without(tmp_path):
    """Sleeping calls, signals, processes, threads, small stacks, libraries that come and go, errno, descriptors."""
    behave = compile_target("behave.c", tmp_path)
    bare = subprocess.run([behave], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert "sleeps: 0 interrupted" in bare
    before = leftovers()
    for options in ([], ["--agent-timer", "fast", "-F", "5000"]):
        output = tmp_path / "run.plait"
        result = run_plait("record", "-q", "--engine", "agent", *options, "-o", output, "--", behave)
        assert result.returncode == 0
        if not options:
            assert result.stdout == bare
        else:  # this timer cuts sleeps short, as the documentation says
            assert [line for line in result.stdout.splitlines() if not line.startswith("sleeps")] == \
                   [line for line in bare.splitlines() if not line.startswith("sleeps")]
        assert trust(output)["lost"] == 0
        seen = names(collapsed(output))
        assert {"burn", "busy_thread", "run_coroutine", "libraries"} <= seen
        # Nothing of the agent's own is below a thread's function. (Its few microseconds before that are seen at times.)
        assert not any({"thread_starts", "busy_thread"} <= {frame.split(" ")[0] for frame in stack.frames}
                       for stack in collapsed(output))
    assert leftovers() == before


@pytest.mark.parametrize("timer", ["cpu", "fast"])
def test_python_programs_of_many_processes(tmp_path, timer):
    """A pool whose workers end without exit(3), subprocesses with closed descriptors, forks with threads: the program's
    output is as without plait, and each process has its own stacks."""
    program = tmp_path / "tree.py"
    program.write_text(
        "import multiprocessing, os, subprocess, sys, threading, time\n"
        "def burn(seconds):\n"
        "    end = time.thread_time() + seconds\n"
        "    while time.thread_time() < end: sum(range(500))\n"
        "def in_pool(n):\n    burn(0.3)\n    return n\n"
        "def in_fork():\n    burn(0.3)\n"
        "def in_thread():\n    burn(0.3)\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('fork').Pool(2) as pool: print(pool.map(in_pool, range(2)))\n"
        "    thread = threading.Thread(target=in_thread)\n"
        "    thread.start()\n"
        "    pid = os.fork()\n"
        "    if not pid:\n        in_fork()\n        os._exit(5)\n"
        "    print(os.waitpid(pid, 0)[1] >> 8)\n"
        "    thread.join()\n"
        f"    code = {BUSY.format(seconds=0.3)!r} + 'print(os.listdir(\"/proc/self/fd\"))'\n"
        "    child = subprocess.run([sys.executable, '-c', 'import os\\ndef in_child():\\n ' + code.replace('\\n', '\\n ')"
        " + '\\nin_child()'], stdout=subprocess.PIPE, text=True)\n"
        "    print(child.stdout, child.returncode)\n")
    bare = subprocess.run([sys.executable, "-W", "error", program], stdout=subprocess.PIPE, text=True, check=True).stdout
    output = tmp_path / "run.plait"
    result = run_plait("record", "-q", "--engine", "agent", "--agent-timer", timer, "-o", output, "--", sys.executable, "-W",
                       "error", program)
    assert (result.returncode, result.stdout) == (0, bare), result.stderr
    processes = {}
    for stack in collapsed(output, "--by-thread"):
        for frame in stack.frames:
            name = frame.split(" (")[0].split(".")[-1]
            if name.startswith("in_"):
                processes.setdefault(name, set()).add(stack.frames[0])
    assert {name: len(seen) for name, seen in processes.items()} == {"in_pool": 2, "in_fork": 1, "in_thread": 1, "in_child": 1}
    figures = trust(output)
    assert figures["complete"] > 0.99 * figures["samples"] and figures["lost"] == 0


def test_goes_on_after_a_command_that_cannot_be_run(tmp_path):
    """Its child ends by _exit(2) in memory that it shares with the program."""
    code = ("import subprocess, time\n"
            "try:\n    subprocess.run(['/no/such/command'], close_fds=False)\nexcept FileNotFoundError:\n    pass\n"
            "def after():\n    end = time.thread_time() + 0.5\n    while time.thread_time() < end: sum(range(500))\nafter()\n")
    for interpreter in interpreters():
        result = run_plait("record", "-q", "--engine", "agent", "-o", tmp_path / "run.plait", "--", interpreter.path, "-c", code)
        assert result.returncode == 0, result.stderr
        assert sum(s.count for s in collapsed(tmp_path / "run.plait") if any(f.startswith("after (") for f in s.frames)) > 40


EARLY = """
#include <pthread.h>
#include <signal.h>
#include <time.h>
static pthread_key_t key;
static pthread_t thread;
__attribute__((noinline)) static void early_burn(void)
{
	struct timespec now;
	do {
		for (volatile int i = 0; i < 100000; i++)
			;
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	} while (!now.tv_sec && now.tv_nsec < 500000000);
}
static void *work(void *argument)
{
	pthread_setspecific(key, &key);
	early_burn();
	return pthread_getspecific(key) == &key ? argument : 0;
}
__attribute__((constructor)) static void early(void)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_BLOCK, &none, 0);
	pthread_key_create(&key, 0);
	pthread_create(&thread, 0, work, &key);
}
int early_is_right(void)
{
	void *result;
	return !pthread_join(thread, &result) && result == &key;
}
"""


def test_threads_of_a_librarys_constructor(tmp_path):
    """Libraries that a program is linked with are constructed before the agent; their threads are sampled, and what they keep
    under a key of their own stays theirs."""
    (tmp_path / "early.c").write_text(EARLY)
    (tmp_path / "main.c").write_text("int early_is_right(void);\nint main(void)\n{\n\treturn !early_is_right();\n}\n")
    if not shutil.which("cc"):
        pytest.skip("no C compiler")
    subprocess.run(["cc", "-shared", "-fPIC", "-g", "-o", tmp_path / "libearly.so", tmp_path / "early.c", "-lpthread"], check=True)
    subprocess.run(["cc", "-o", tmp_path / "main", tmp_path / "main.c", f"-L{tmp_path}", "-learly", f"-Wl,-rpath,{tmp_path}"],
                   check=True)
    result = run_plait("record", "-q", "--engine", "agent", "-o", tmp_path / "run.plait", "--", tmp_path / "main")
    assert result.returncode == 0, result.stderr
    assert sum(s.count for s in collapsed(tmp_path / "run.plait") if any(f.startswith("early_burn ") for f in s.frames)) > 40


SLEEPERS = """
import resource, sys, threading, time
def work():
    end = time.thread_time() + 0.02
    while time.thread_time() < end: sum(range(500))
    barrier.wait()
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
    asleep()
    switches.append(resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw - before)
def asleep():
    event.wait(2)
barrier, event, switches = threading.Barrier(4), threading.Event(), []
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(*switches)
"""


def test_fast_timer_leaves_sleeping_threads_alone(tmp_path):
    """A thread that was woken once rests until it runs, even where being woken takes longer than the interval."""
    result = run_plait("record", "-q", "--engine", "agent", "--agent-timer", "fast", "-F", "20000", "-o", tmp_path / "run.plait", "--",
                       sys.executable, "-c", SLEEPERS)
    assert result.returncode == 0, result.stderr
    switches = [int(word) for word in result.stdout.split()]
    # Once asleep and once woken; the others are those for the GIL.
    assert len(switches) == 4 and max(switches) < 15, switches


NAPS = """
import time
def run(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end: pass
def nap():
    time.sleep(0.0005)
end, naps = time.thread_time() + {seconds}, 0
while time.thread_time() < end:
    run({run})
    begin = time.thread_time()
    nap()
    naps += time.thread_time() - begin
print(naps / {seconds})
"""


def test_fast_timer_finds_where_time_was_used(tmp_path):
    """A program that sleeps often: its CPU time is found where it runs, and not where the timer wakes it."""
    output = tmp_path / "run.plait"
    result = run_plait("record", "-q", "--engine", "agent", "--agent-timer", "fast", "-F", "999", "-o", output, "--", sys.executable, "-c",
                       NAPS.format(seconds=SLOWNESS, run=0.0003 * SLOWNESS))
    samples = [json.loads(line) for line in run_plait("script", "--format", "json", output).stdout.splitlines()]
    weights = {name: sum(sample["period"] for sample in samples if name in [frame.get("name") for frame in sample["frames"]]) / 1e9
               for name in ("run", "nap")}
    naps = float(result.stdout)  # on a slow processor a quarter: to fall asleep and be woken takes some
    assert weights["run"] / SLOWNESS > 0.85 - naps and weights["nap"] / SLOWNESS < naps + 0.12, (weights, naps)
    assert len(samples) < 1400 * SLOWNESS


def test_what_is_not_sampled_is_said(tmp_path):
    program = tmp_path / "static.c"
    program.write_text("#include <time.h>\nint main(void)\n{\n\twhile (clock() < 2 * CLOCKS_PER_SEC)\n\t\t;\n\treturn 0;\n}\n")
    static = tmp_path / "static-program"
    if subprocess.run(["cc", "-O1", "-static", "-o", static, program]).returncode:
        pytest.skip("no static libc")
    output = tmp_path / "run.plait"
    script = f"{static}; env -i {sys.executable} -c '{BUSY.format(seconds=2)}'; {sys.executable} -c '{BUSY.format(seconds=0.3)}'"
    result = run_plait("record", "-q", "--engine", "agent", "-o", output, "--", "sh", "-c", script)
    assert result.returncode == 0
    assert "took no samples, in 2 processes: static-program (" in result.stderr
    assert any("took no samples" in note for note in report_json(output)["recording"]["notes"])


def test_rate_is_said(tmp_path):
    result = run_plait("record", "--engine", "agent", "-F", "999", "-o", tmp_path / "run.plait", "--", sys.executable, "-c",
                       BUSY.format(seconds=0.5))
    event = report_json(tmp_path / "run.plait")["recording"]["events"][0]
    assert event["frequency"] in (100, 250, 300, 999) and f"at {event['frequency']} Hz" in result.stderr
    if event["frequency"] < 999:
        assert "--agent-timer fast gives 999 Hz" in result.stderr


@pytest.mark.parametrize("arguments, text", [
    (["-p", "1"], "cannot attach"), (["-e", "page-faults", "--", "true"], "CPU time only"),
    (["-e", "cpu-clock,task-clock", "--", "true"], "CPU time only"), (["--agent-timer", "slow", "--", "true"], "no timer")])
def test_what_it_cannot_do_is_said(arguments, text, tmp_path):
    result = run_plait("record", "--engine", "agent", "-o", tmp_path / "run.plait", *arguments)
    assert result.returncode != 0 and text in result.stderr
    assert not (tmp_path / "run.plait").exists()


def test_the_program_outlives_a_killed_recorder(tmp_path):
    code = BUSY.format(seconds=2 * SLOWNESS) + "print('done')"
    recorder = subprocess.Popen([PLAIT, "record", "-q", "--engine", "agent", "-o", tmp_path / "run.plait", "--", sys.executable,
                                 "-c", code], stdout=subprocess.PIPE, text=True)
    pause(1)
    recorder.kill()
    recorder.wait()
    assert recorder.stdout.read() == "done\n"
    assert trust(tmp_path / "run.plait")["samples"] > 0
    for left in leftovers():  # nobody could remove it
        shutil.rmtree(os.path.dirname(left))


def test_a_killed_program_leaves_its_samples(tmp_path):
    code = "import os, time\nend = time.process_time() + 1\nwhile time.process_time() < end: sum(range(500))\nos.kill(os.getpid(), 9)"
    result = run_plait("record", "-q", "--engine", "agent", "-o", tmp_path / "run.plait", "--", sys.executable, "-c", code)
    assert result.returncode == -signal.SIGKILL
    assert trust(tmp_path / "run.plait")["samples"] >= 90
    assert not leftovers()


def test_other_pid_namespace(tmp_path):
    """Processes and threads have the recorder's numbers, not those that they know themselves by."""
    if subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("this host does not let go of namespaces")
    code = ("import os, threading, time\n"
            "def work():\n end = time.thread_time() + 0.4\n while time.thread_time() < end: sum(range(500))\n"
            "t = threading.Thread(target=work)\nt.start()\nwork()\nt.join()\nprint(os.getpid(), t.native_id)")
    output = tmp_path / "run.plait"
    result = run_plait("record", "-q", "--engine", "agent", "-o", output, "--", "unshare", "--pid", "--fork", "--mount-proc",
                       sys.executable, "-c", code)
    assert result.returncode == 0, result.stderr
    inside = {int(number) for number in result.stdout.split()}
    seen = set()
    for stack in collapsed(output, "--by-thread"):
        if any(frame.startswith("work (") for frame in stack.frames):
            seen |= {int(frame.rsplit(":", 1)[1]) for frame in stack.frames[:2]}
    assert len(seen) == 2 and not seen & inside
