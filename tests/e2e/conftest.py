import pytest

import plait_runner


@pytest.fixture
def recording(tmp_path):
    """The path of a recording to make; skips where the host cannot record."""
    plait_runner.need_recording()
    return tmp_path / "run.plait"
