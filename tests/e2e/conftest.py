import pytest

import plait_runner


def pytest_configure(config):
    config.addinivalue_line("markers", "engines(NAME...): what the test records with; by default bpf alone")


def pytest_generate_tests(metafunc):
    """A test of several engines runs once on each."""
    marker = metafunc.definition.get_closest_marker("engines")
    if marker and "recording" in metafunc.fixturenames:
        metafunc.parametrize("recording", marker.args, indirect=True)


@pytest.fixture
def recording(request, tmp_path, monkeypatch):
    """The path of a recording to make; skips where the host cannot record by the test's engine."""
    engine = getattr(request, "param", "bpf")
    plait_runner.need_recording(engine)
    monkeypatch.setattr(plait_runner, "engine", engine)
    return tmp_path / "run.plait"
