"""A program on a terminal of its own: keys in, what is on the screen out (emulated by pyte)."""
import fcntl
import functools
import os
import pty
import select
import signal
import struct
import termios
import time

import pytest

from plait_runner import PLAIT

try:
    import pyte
except ImportError:
    pyte = None

KEYS = {"up": "\x1bOA", "down": "\x1bOB", "right": "\x1bOC", "left": "\x1bOD", "pgdn": "\x1b[6~", "pgup": "\x1b[5~",
        "home": "\x1b[1~", "end": "\x1b[4~", "enter": "\r", "esc": "\x1b", "tab": "\t", "backspace": "\x7f",
        "ctrl-c": "\x03", "ctrl-z": "\x1a"}
STOPPED = "[stopped: a key lets it go on]"
PATIENCE = 30  # seconds until something that was waited for is missed


def run_as_job(start):
    """What a shell does: `start` in a process group of its own in the foreground, which Ctrl-Z stops until a key."""
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        start()
    while True:
        status = os.waitpid(job, os.WUNTRACED)[1]
        if not os.WIFSTOPPED(status):
            os._exit(os.waitstatus_to_exitcode(status) & 0xff)
        os.tcsetpgrp(0, os.getpid())
        os.write(1, STOPPED.encode() + b"\r\n")
        settings = termios.tcgetattr(0)
        raw = settings[:3] + [settings[3] & ~termios.ICANON] + settings[4:]
        termios.tcsetattr(0, termios.TCSANOW, raw)
        os.read(0, 1)
        termios.tcsetattr(0, termios.TCSANOW, settings)
        os.tcsetpgrp(0, job)
        os.kill(job, signal.SIGCONT)


if pyte:
    class Screen(pyte.Screen):
        """With the scrolling that pyte leaves out: ECMA-48 SU and SD, which curses uses where rows only move."""

        def scroll_up(self, count=1, **_):
            self.scroll(self.delete_lines, count)

        def scroll_down(self, count=1, **_):
            self.scroll(self.insert_lines, count)

        def scroll(self, change, count):
            at = self.cursor.x, self.cursor.y
            self.cursor.y = self.margins.top if self.margins else 0
            change(count or 1)
            self.cursor.x, self.cursor.y = at

    class Stream(pyte.ByteStream):
        csi = {**pyte.ByteStream.csi, "S": "scroll_up", "T": "scroll_down"}
        events = pyte.ByteStream.events | {"scroll_up", "scroll_down"}


class Terminal:
    def __init__(self, *words, rows=30, columns=100, env=None, shell=False):
        if not pyte:
            pytest.skip("needs pyte (Debian: python3-pyte)")
        self.screen = Screen(columns, rows)
        self.stream = Stream(self.screen)
        self.raw = b""
        self.status = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            # a type without the capabilities that pyte has not (repeating a character)
            settings = {**os.environ, "TERM": "screen-256color", "LC_ALL": "C.UTF-8", "NO_COLOR": "", **(env or {})}
            settings = {name: value for name, value in settings.items() if value is not None}
            start = functools.partial(os.execve, PLAIT, [PLAIT, *map(str, words)], settings)
            run_as_job(start) if shell else start()
        self.resize(rows, columns)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def resize(self, rows, columns):
        self.screen.resize(rows, columns)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds):
        """Takes what the program writes within so many seconds; False: it has ended."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.raw += data
        self.stream.feed(data)
        return bool(data)

    @property
    def lines(self):
        return [line.rstrip() for line in self.screen.display]

    @property
    def text(self):
        return "\n".join(self.lines)

    def highlighted(self):
        """The line of the cursor: reversed from its beginning to its end."""
        for number in range(self.screen.lines):
            row = self.screen.buffer[number]
            if all(row[column].reverse for column in range(self.screen.columns)):
                return self.lines[number]
        return None

    def wait(self, wanted, what=None):
        """Until `wanted`, a text on the screen or a function of this terminal, is there."""
        check = wanted if callable(wanted) else lambda terminal: wanted in terminal.text
        deadline = time.monotonic() + PATIENCE
        while not check(self):
            alive = time.monotonic() < deadline and self.read(0.2)
            assert alive or check(self), f"{what or wanted} is not on the screen:\n{self.text}"
        while select.select([self.fd], [], [], 0.1)[0] and self.read(0):  # the rest of the frame
            pass
        return self

    def press(self, *keys):
        for key in keys:
            os.write(self.fd, KEYS.get(key, key).encode())
            time.sleep(0.06)  # so that Escape is not the beginning of another key
        return self

    def end(self):
        """Waits for the end of the program; the status as of subprocess."""
        deadline = time.monotonic() + PATIENCE
        while self.read(0.2):
            assert time.monotonic() < deadline, f"it does not end:\n{self.text}"
        _, status = os.waitpid(self.pid, 0)
        self.status = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        return self.status

    def is_restored(self):
        """Whether the last that was said of screen and cursor is that they are the old ones."""
        left, entered = self.raw.rfind(b"\x1b[?1049l"), self.raw.rfind(b"\x1b[?1049h")
        shown, hidden = (max(self.raw.rfind(code) for code in codes)
                         for codes in ((b"\x1b[?25h", b"\x1b[34h\x1b[?25h"), (b"\x1b[?25l",)))
        return 0 <= entered < left and shown > hidden
