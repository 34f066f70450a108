"""What a user meets first: help, wrong words, missing things, exit statuses."""
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

from plait_runner import PLAIT, collapsed, cpu_time, need_recording, record, run_plait

COMMANDS = ["record", "report", "view", "annotate", "export", "diff", "merge", "script", "stat", "list", "doctor", "dump",
            "completions", "manual"]


def test_help_lists_every_command():
    result = run_plait("--help")
    assert result.returncode == 0
    for command in COMMANDS:
        assert re.search(rf"^  {command} ", result.stdout, re.M)


@pytest.mark.parametrize("command", COMMANDS)
def test_command_help(command):
    result = run_plait(command, "--help")
    assert result.returncode == 0
    assert result.stdout.startswith(f"usage: plait {command} ")
    assert max(map(len, result.stdout.splitlines())) <= 120


def test_version():
    assert re.fullmatch(r"plait \d+\.\d+\.\d+\n", run_plait("--version").stdout)


@pytest.mark.parametrize("words, said", [
    ([], "usage"),
    (["recrod"], "did you mean plait record?"),
    (["record"], "nothing to record"),
    (["record", "--frequncy", "9", "--", "true"], "did you mean --frequency?"),
    (["record", "-F", "fast", "--", "true"], "'fast' is not a whole number"),
    (["record", "-F", "0", "--", "true"], "'0' is not a whole number"),
    (["record", "-F", "-5", "--", "true"], "'-5' is not a whole number"),
    (["record", "-d", "soon", "--", "true"], "'soon' is not a time"),
    (["record", "-F", "10", "-c", "10", "--", "true"], "cannot be combined"),
    (["record", "-a", "-p", "1"], "cannot be combined"),
    (["record", "-p", "abc"], "'abc' is not a process id"),
    (["record", "-o"], "needs a value"),
    (["record", "--engine", "magic", "--", "true"], "engines: auto, bpf"),
    (["record", "-e", "cpu-clok", "--", "true"], "cpu-clock"),
    (["report", "--format", "xml"], "formats: text, json, collapsed"),
    (["report", "--flat", "--lines"], "cannot be combined"),
    (["report", "--threshold", "200"], "percentage"),
    (["report", "a", "b"], "one recording"),
])
def test_wrong_words_are_status_2(words, said, tmp_path):
    result = run_plait(*words, cwd=tmp_path)
    assert result.returncode == 2, result.stderr
    assert said in result.stderr
    assert not list(tmp_path.iterdir())


def test_unknown_command_is_127(tmp_path):
    result = run_plait("record", "--", "no-such-command-here", cwd=tmp_path)
    assert result.returncode == 127
    assert "no such command" in result.stderr
    assert not list(tmp_path.iterdir())


def test_not_executable_is_126(tmp_path):
    script = tmp_path / "job.py"
    script.write_text("print(1)\n")
    result = run_plait("record", "--", script, cwd=tmp_path)
    assert result.returncode == 126
    assert "python3" in result.stderr


def test_dead_pid():
    child = subprocess.Popen(["true"])
    child.wait()
    result = run_plait("record", "-p", child.pid)
    assert result.returncode == 1
    assert f"there is no process {child.pid}" in result.stderr


@pytest.mark.parametrize("content", [b"", b"hello\n", b"\x7fELF" + b"\0" * 100])
def test_report_of_something_else(tmp_path, content):
    file = tmp_path / "x"
    file.write_bytes(content)
    result = run_plait("report", file)
    assert result.returncode == 1
    assert "not a plait recording" in result.stderr


def test_report_of_nothing(tmp_path):
    result = run_plait("report", cwd=tmp_path)
    assert result.returncode == 1
    assert "profile.plait" in result.stderr


def test_never_overwrites_another_file(tmp_path):
    need_recording()
    file = tmp_path / "thesis.txt"
    file.write_text("years of work\n")
    result = record(file, "--", "true", check=False)
    assert result.returncode == 1
    assert "not a plait recording" in result.stderr
    assert file.read_text() == "years of work\n"


def test_a_refused_event_costs_no_earlier_recording(recording):
    record(recording, "--", "true")
    before = recording.read_bytes()
    result = record(recording, "-F", "100000000", "--", "true", check=False)
    assert result.returncode == 2
    assert "perf_event_max_sample_rate" in result.stderr
    assert recording.read_bytes() == before


def test_overwrites_its_own(recording):
    record(recording, "--", "true")
    record(recording, "--", "true")


@pytest.mark.parametrize("status", [0, 1, 3, 77])
def test_exit_status_is_the_commands(recording, status):
    assert record(recording, "--", "sh", "-c", f"exit {status}", check=False).returncode == status


def test_death_by_signal_is_the_commands(recording):
    assert record(recording, "--", "sh", "-c", "kill -USR1 $$", check=False).returncode == -signal.SIGUSR1


def test_input_and_output_are_the_commands(recording):
    result = record(recording, "--", "cat", input="through\n", stdin=None)
    assert result.stdout == "through\n"


def test_quiet_on_a_pipe(recording):
    result = run_plait("record", "-o", recording, "--", "true")
    assert "\r" not in result.stderr and "\x1b" not in result.stderr


def test_sigterm_is_passed_on(recording):
    code = "import signal,sys,time\nsignal.signal(signal.SIGTERM, lambda *a: sys.exit(7))\nprint('up', flush=True)\nwhile 1: time.sleep(.01)"
    child = subprocess.Popen([PLAIT, "record", "-q", "-o", str(recording), "--", sys.executable, "-c", code],
                             stdout=subprocess.PIPE)
    child.stdout.readline()
    child.send_signal(signal.SIGTERM)
    assert child.wait(30) == 7
    assert run_plait("report", recording).returncode == 0
    child.stdout.close()


def test_terminal_interrupt_reaches_the_command_once(recording):
    """Ctrl-C at a terminal goes to the whole foreground group; plait keeps recording until the command has ended."""
    code = ("import sys,time\nprint('up', flush=True)\ntry:\n while 1: sum(range(1000))\nexcept KeyboardInterrupt: sys.exit(5)")
    import pty
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(PLAIT, [PLAIT, "record", "-q", "-o", str(recording), "--", sys.executable, "-c", code])
    seen = b""
    while b"up" not in seen:
        seen += os.read(terminal, 100)
    time.sleep(0.3)
    os.write(terminal, b"\x03")
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.WIFEXITED(status) and os.WEXITSTATUS(status) == 5
    assert sum(stack.count for stack in collapsed(recording)) > 0


def test_ctrl_c_ends_an_attached_recording_and_the_target_lives_on(recording):
    target = subprocess.Popen([sys.executable, "-c", "while 1: sum(range(1000))"])
    try:
        time.sleep(0.2)
        child = subprocess.Popen([PLAIT, "record", "-q", "-o", str(recording), "-p", str(target.pid)])
        used = cpu_time(target.pid)
        while cpu_time(target.pid) < used + 1:
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        assert child.wait(60) == 0
        assert target.poll() is None
        assert sum(stack.count for stack in collapsed(recording)) > 100
    finally:
        target.kill()
        target.wait()


def test_duration_ends_and_the_target_lives_on(recording):
    target = subprocess.Popen([sys.executable, "-c", "while 1: sum(range(1000))"])
    try:
        record(recording, "-p", target.pid, "-d", "1")
        assert target.poll() is None
    finally:
        target.kill()
        target.wait()


def test_full_disk_keeps_what_was_recorded(recording):
    target = recording.parent / "small"
    target.mkdir()
    if subprocess.call(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(target)], stderr=subprocess.DEVNULL):
        pytest.skip("this host does not let tests mount a tmpfs")
    try:
        (target / "filler").write_bytes(b"x" * 48 * 1024)
        code = "import sys\nfor i in range(100000000):\n exec(f'def f{i}():\\n x = {i}\\n for j in range(2000): x += j\\nf{i}()')"
        result = record(target / "run.plait", "-F", "5000", "-d", "20", "--", sys.executable, "-c",
                        f"import time\nend=time.time()+6\n{code.replace('range(100000000)', 'iter(lambda: time.time() < end, False)')}",
                        check=False)
        assert result.returncode == 1
        assert "No space left" in result.stderr
        assert run_plait("report", target / "run.plait").returncode == 0
    finally:
        subprocess.check_call(["umount", str(target)])


def test_killed_recorder_leaves_a_readable_recording(recording):
    """SIGKILL loses at most the last second."""
    child = subprocess.Popen([PLAIT, "record", "-q", "-o", str(recording), "--", sys.executable, "-c",
                              "import time\nprint('up', flush=True)\nend = time.monotonic() + 300\n"
                              "while time.monotonic() < end: sum(range(1000))"], stdout=subprocess.PIPE)
    child.stdout.readline()
    command = int(pathlib.Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()[0])
    try:
        while cpu_time(command) < 2.5:
            time.sleep(0.05)
        child.kill()
        child.wait()
    finally:
        os.kill(command, signal.SIGKILL)  # it lives on without its recorder
        child.stdout.close()
    samples = sum(stack.count for stack in collapsed(recording))
    assert samples > 1000
