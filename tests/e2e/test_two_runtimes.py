"""Two CPythons of different versions in one process: each frame has the names and lines of its own."""
import glob
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from plait_runner import TARGETS, collapsed, need_recording, record, trust


def libraries():
    """[(version, libpython, home)] of shared builds with their standard library."""
    root = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    found = {}
    for path in glob.glob(root + "/versions/*/lib/libpython3.*.so.1.0") + glob.glob("/usr/lib/*/libpython3.*.so.1.0"):
        name = re.search(r"libpython(\d+)\.(\d+)m?\.so", path)
        if not name:
            continue  # a debug build
        version = tuple(map(int, name.groups()))
        home = pathlib.Path(path).parents[1] if "/versions/" in path else pathlib.Path("/usr")
        if (3, 8) <= version <= (3, 15) and (home / "lib" / "python{}.{}".format(*version) / "os.py").exists():
            found.setdefault(version, (version, path, str(home)))
    return [found[version] for version in sorted(found)]


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    need_recording()
    if not shutil.which("cc"):
        pytest.skip("no C compiler")
    path = tmp_path_factory.mktemp("program") / "two_runtimes"
    subprocess.run(["cc", "-o", path, TARGETS / "two_runtimes.c", "-ldl"], check=True)
    return path


@pytest.mark.engines("bpf", "agent")
@pytest.mark.parametrize("oldest", [(3, 8), (3, 11)], ids=["any version", "with anchors"])
@pytest.mark.parametrize("swapped", [False, True], ids=["older first", "newer first"])
def test_two_versions(program, recording, swapped, oldest):
    found = [library for library in libraries() if library[0] >= oldest]
    if len(found) < 2:
        pytest.skip(f"needs two shared CPythons of different versions, found {[version for version, _, _ in found]}")
    one, two = (found[-1], found[0]) if swapped else (found[0], found[-1])
    result = record(recording, "--", program, one[1], one[2], two[1], two[2], "2", check=False)
    if result.returncode == 77:
        pytest.skip(f"cannot be loaded together: {result.stderr}")
    assert result.returncode == 0, result.stderr
    lines = {"first_one": {}, "second_one": {}}
    wrong = 0
    for stack in collapsed(recording):
        leaf = next((frame for frame in reversed(stack.frames) if "<string>" in frame), None)
        match = leaf and re.match(r"(\w+|<module>) \(<string>:(\d+)\)", leaf)
        if match and match.group(1) in lines:
            counts = lines[match.group(1)]
            counts[int(match.group(2))] = counts.get(int(match.group(2)), 0) + stack.count
        elif leaf and "<module>" not in leaf:
            wrong += stack.count
    assert wrong == 0
    assert set(lines["first_one"]) <= {1, 2, 3, 4, 5} and lines["first_one"][4] > 200
    assert set(lines["second_one"]) <= {5, 6, 7, 8, 9} and lines["second_one"][8] > 200
    if oldest < (3, 11):
        return  # beside a CPython without anchors (until 3.10) that is idle, stacks may be marked [unmerged]
    figures = trust(recording)
    assert figures["complete"] > 0.9 * figures["samples"], figures
