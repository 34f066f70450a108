"""plait doctor: what it says must be what then happens."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

import pytest

from plait_runner import PLAIT, TARGETS, compile_target, pause, run_plait, why_not_record


def doctor(*arguments, **keywords):
    result = run_plait("doctor", "--json", *arguments, **keywords)
    assert result.stdout, result.stderr
    document = json.loads(result.stdout)
    assert document["format"] == "plait-doctor"
    assert result.returncode == (0 if document["can_record"] else 1)
    return document


def findings(document, area):
    return {finding["name"]: finding for finding in document["findings"] if finding["area"] == area}


def test_engine_is_tried():
    reason = why_not_record()
    engine = findings(doctor(), "engine")["bpf"]
    if reason:
        assert engine["state"] == "fails" and engine["text"] in reason
    else:
        assert engine["state"] == "works" and "samples" in engine["text"]


def test_events_are_those_that_stat_counts():
    events = findings(doctor(), "event")
    for name in ("cpu-clock", "cycles", "page-faults", "context-switches", "sched:sched_switch"):
        counted = run_plait("stat", "--json", "-e", name, "--", "true")
        works = counted.returncode == 0 and '"value": null' not in counted.stderr.replace('"value":null', '"value": null')
        assert (events[name]["state"] == "works") == works, (events[name], counted.stderr)
        assert works or events[name]["remedy"]


def test_text():
    result = run_plait("doctor", env=dict(os.environ, COLUMNS="80"))
    for area in ("host", "engine", "event", "symbols"):
        assert f"\n{area} " in "\n" + result.stdout
    assert "\033" not in result.stdout


def test_process():
    with subprocess.Popen([sys.executable, TARGETS / "watched.py"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as target:
        try:
            pause(0.5)
            process = findings(doctor("-p", target.pid), "process")
        finally:
            target.kill()
    assert str(target.pid) in process["found"]["text"]
    version = ".".join(map(str, sys.version_info[:3]))
    assert version in process["Python"]["text"]
    result = run_plait("doctor", "-p", target.pid)
    assert result.returncode == 1 and str(target.pid) in result.stderr


def test_without_rights():
    """As nobody: each refusal has its cause and what mends it."""
    if os.getuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("needs root and setpriv")
    folder = tempfile.mkdtemp()
    try:
        os.chmod(folder, 0o755)
        plait = shutil.copy(PLAIT, folder)
        shutil.copy(os.path.join(os.path.dirname(PLAIT), "libplait-agent.so"), folder)
        os.chmod(plait, 0o755)
        result = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all",
                                 "--inh-caps=-all", plait, "doctor", "--json"], stdout=subprocess.PIPE, text=True)
    finally:
        shutil.rmtree(folder)
    if not result.stdout:
        pytest.skip("this host does not let go of its rights")
    document = json.loads(result.stdout)
    assert result.returncode == 0 and document["can_record"]  # by engine agent
    assert findings(document, "engine")["agent"]["state"] == "works"
    engine = findings(document, "engine")["bpf"]
    assert engine["state"] == "fails" and "CAP_BPF" in engine["remedy"]
    rights = findings(document, "host")["rights"]
    assert "65534" in rights["text"] and "setcap" in rights["remedy"] or "cap-add" in rights["remedy"]
    assert findings(document, "event")["sched:sched_switch"]["remedy"]


def test_behind_a_seccomp_filter(tmp_path):
    """A filter that refuses bpf(2) is told apart from missing capabilities."""
    if os.getuid() != 0:
        pytest.skip("needs root")
    if why_not_record():
        pytest.skip("this host cannot record anyway")
    refuse = compile_target("refuse.c", tmp_path)
    result = subprocess.run([refuse, "bpf", PLAIT, "doctor", "--json"], stdout=subprocess.PIPE, text=True)
    document = json.loads(result.stdout)
    engine = findings(document, "engine")["bpf"]
    assert engine["state"] == "fails" and "seccomp" in engine["remedy"]
    assert "seccomp" in findings(document, "host")["container"]["text"]
