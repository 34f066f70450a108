"""The grammar of legal stacks: which function may be called from which line, read from a target's "#>" comments, and
the check of collapsed stacks against it."""
import collections
import pathlib
import re

PYTHON_FRAME = re.compile(r"^(?P<name>.*) \((?P<file>.*):(?P<line>\d+)\)$")
MARKERS = ("[gap]", "[truncated]", "[unmerged]")

Stack = collections.namedtuple("Stack", "frames count")


def parse_collapsed(text):
    """[Stack], frames outermost first."""
    stacks = []
    for line in text.splitlines():
        frames, count = line.rsplit(" ", 1)
        stacks.append(Stack(frames.split(";"), int(count)))
    return stacks


def python_frame(frame):
    """(name without its qualification, file, line) or None."""
    match = PYTHON_FRAME.match(frame)
    if not match:
        return None
    name = match["name"].split(".")[-1]
    return name, match["file"], int(match["line"])


def is_marked(stack):
    return any(frame in MARKERS for frame in stack.frames)


class Grammar:
    """The legal calls of one target file."""

    def __init__(self, path):
        self.path = str(path)
        self.calls = {}
        self.roots = {"<module>"}
        for number, line in enumerate(pathlib.Path(path).read_text().splitlines(), 1):
            if "#>" in line:
                self.calls[number] = line.split("#>")[1].split()
            root = re.match(r"\s*def (\w+).*#\^", line)
            if root:  # a thread starts with this function
                self.roots.add(root[1])

    def errors(self, stack):
        """What is illegal in one stack: [] when nothing is."""
        found = []
        own = []  # (name, line, other Python frames since the one before)
        others = 0
        for frame in stack.frames:
            python = python_frame(frame)
            if not python:
                continue
            name, file, line = python
            if file != self.path:
                others += 1
                continue
            own.append((name, line, others))
            others = 0
        for index, (name, line, between) in enumerate(own):
            if index == 0:
                if name not in self.roots:
                    found.append(f"outermost frame is {name}, not one of {sorted(self.roots)}")
                continue
            caller, caller_line, _ = own[index - 1]
            legal = self.calls.get(caller_line, [])
            if name not in legal:
                found.append(f"{caller}:{caller_line} cannot call {name}")
            elif between and "*" not in legal:
                found.append(f"{between} foreign Python frames between {caller}:{caller_line} and {name}")
        return found

    def check(self, stacks):
        """(samples checked, samples marked incomplete, [(error, stack)]). Stacks without a frame of the target count as
        checked: there is nothing to be wrong."""
        checked = marked = 0
        problems = []
        for stack in stacks:
            if is_marked(stack):
                marked += stack.count
                continue
            checked += stack.count
            problems += [(error, stack) for error in self.errors(stack)]
        return checked, marked, problems
