"""The CPythons of this host, for tests that run on each: those that $PLAIT_INTERPRETERS lists (paths with ":" between
them, for builds that lie elsewhere: free-threaded, debug, with tail calls), pyenv's, the system's, and fetched ones
(tests/fetch-interpreters)."""
import functools
import glob
import os
import pathlib
import re
import subprocess
import typing

ROOT = pathlib.Path(__file__).resolve().parents[2]
OLDEST, NEWEST = (3, 8), (3, 15)

PROBE = """
import sys, sysconfig
print(sys.implementation.name, sys.version_info[0], sys.version_info[1], sys.version_info[2],
      int(bool(sysconfig.get_config_var("Py_GIL_DISABLED"))), int(hasattr(sys, "gettotalrefcount")),
      sys.version.replace("\\n", " "))
"""


class Interpreter(typing.NamedTuple):
    """One build of CPython. `name` is unique among those found, `path` runs it."""
    major: int
    minor: int
    micro: int
    name: str
    path: str


def candidates():
    """The paths that were named, then those that look like python3.N, those that users most likely run first."""
    yield from filter(None, os.environ.get("PLAIT_INTERPRETERS", "").split(":"))
    patterns = [str(ROOT / "build" / "interpreters" / "bin" / "python3.*"), "/usr/bin/python3.*",
                "/usr/local/bin/python3.*"]
    if "PYENV_ROOT" in os.environ:
        patterns.insert(0, os.path.join(os.environ["PYENV_ROOT"], "versions", "*", "bin", "python3.*"))
    for pattern in patterns:
        for path in sorted(glob.glob(pattern)):
            if re.fullmatch(r"python3\.\d+t?d?", os.path.basename(path)) and os.access(path, os.X_OK):
                yield path


def probe(path):
    """(what identifies the build, Interpreter) of the program at `path`; None when it is no CPython that plait knows."""
    try:
        result = subprocess.run([path, "-I", "-S", "-c", PROBE], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, timeout=60, universal_newlines=True)
    except (OSError, subprocess.TimeoutExpired):
        return None
    fields = result.stdout.split(None, 6)
    if result.returncode != 0 or len(fields) != 7 or fields[0] != "cpython":
        return None
    major, minor, micro, free_threaded, debug = map(int, fields[1:6])
    if not OLDEST <= (major, minor) <= NEWEST:
        return None
    name = f"{major}.{minor}.{micro}" + "t" * free_threaded + "d" * debug
    return (name, fields[6]), Interpreter(major, minor, micro, name, path)


@functools.lru_cache(maxsize=None)
def interpreters():
    """One entry for each build found, by version. A build that is installed twice counts once."""
    found = {}
    for path in candidates():
        probed = probe(path)
        if probed:
            found.setdefault(*probed)
    unique = {}
    for interpreter in sorted(found.values()):
        name, n = interpreter.name, 2
        while interpreter.name in unique:
            interpreter = interpreter._replace(name=f"{name}-{n}")
            n += 1
        unique[interpreter.name] = interpreter
    return list(unique.values())


if __name__ == "__main__":
    for each in interpreters():
        print(each.name, each.path)
