"""A Python without any unwind table: its code has to be read before its stacks can be, and that must not cost samples.

Runs in the guest of `tests/vm/run --arch arm64 --icount 1 vm.tables`: an instruction takes 2 ns there, so how far the recorder
gets while the program takes samples does not depend on the host."""
import os
import struct
import sys

import pytest

from plait_runner import trust
from test_breakpoint import check_writes, record_writes

pytestmark = pytest.mark.skipif(os.environ.get("PLAIT_GUEST_ICOUNT") != "1", reason="how fast samples come is known with --icount 1")

# So many that their stacks do not fit into the ring (8 MB) when the code is read only with the first of them, and that they do
# when it is read before: 400 are too many for that as well.
TIMES = 300
TABLES = (b".eh_frame", b".eh_frame_hdr", b".debug_frame")
PT_GNU_EH_FRAME, SHT_NOBITS = 0x6474e550, 8


def without_tables(data):
    """The ELF file with its tables renounced: no header leads to them."""
    data = bytearray(data)
    segments, sections = struct.unpack_from("<QQ", data, 32)
    segment_size, segment_count, section_size, section_count, names = struct.unpack_from("<5H", data, 54)
    for at in range(segments, segments + segment_count * segment_size, segment_size):
        if struct.unpack_from("<I", data, at)[0] == PT_GNU_EH_FRAME:
            struct.pack_into("<I", data, at, 0)
    text = struct.unpack_from("<Q", data, sections + names * section_size + 24)[0]
    for at in range(sections, sections + section_count * section_size, section_size):
        name = text + struct.unpack_from("<I", data, at)[0]
        if bytes(data[name:data.index(0, name)]) in TABLES:
            struct.pack_into("<I", data, at + 4, SHT_NOBITS)
    return data


def test_no_first_sample_is_lost(tmp_path, monkeypatch):
    recording = tmp_path / "run.plait"
    python = tmp_path / os.path.basename(os.path.realpath(sys.executable))
    with open(sys.executable, "rb") as file:
        python.write_bytes(without_tables(file.read()))
    python.chmod(0o755)
    monkeypatch.setenv("PYTHONHOME", sys.prefix)
    record_writes([python], recording, TIMES)
    check_writes(recording, TIMES)
    assert trust(recording)["derived"] == trust(recording)["samples"]  # there were no tables
