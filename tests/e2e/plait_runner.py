"""Running plait in tests: its path, what this host allows, and short forms for record and report."""
import functools
import json
import os
import pathlib
import subprocess
import tempfile

import pytest

from grammar import parse_collapsed

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGETS = ROOT / "tests" / "targets"
PLAIT = os.environ.get("PLAIT", str(ROOT / "build" / "dev" / "plait"))


def run_plait(*arguments, **keywords):
    keywords.setdefault("timeout", 120)
    keywords.setdefault("stdout", subprocess.PIPE)
    keywords.setdefault("stderr", subprocess.PIPE)
    keywords.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([PLAIT, *map(str, arguments)], universal_newlines=True, **keywords)


@functools.lru_cache(maxsize=None)
def why_not_record():
    """Why this host cannot record, in plait's own words; None when it can."""
    with tempfile.TemporaryDirectory() as folder:
        result = run_plait("record", "-q", "-o", pathlib.Path(folder) / "probe.plait", "--", "true")
        return None if result.returncode == 0 else result.stderr.strip()


def need_recording():
    reason = why_not_record()
    if reason:
        pytest.skip(f"this host cannot record: {reason}")


def record(output, *arguments, check=True, **keywords):
    """plait record -q -o OUTPUT ARGUMENTS; returns the finished process."""
    result = run_plait("record", "-q", "-o", output, *arguments, **keywords)
    if check:
        assert result.returncode == 0, result.stderr
    return result


def collapsed(recording, *options):
    result = run_plait("report", "--format", "collapsed", *options, recording)
    assert result.returncode == 0, result.stderr
    return parse_collapsed(result.stdout)


def report_json(recording, *options):
    result = run_plait("report", "--format", "json", *options, recording)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def trust(recording):
    return report_json(recording)["trust"]


def complete_share(recording):
    figures = trust(recording)
    return figures["complete"] / figures["samples"] if figures["samples"] else 0.0
