"""The file of a backup: whatever is not what was written is found, and the file refused as a whole (B3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.client.backup_file import (
    FRAME_BYTES_MAX,
    MAGIC,
    BackupError,
    DamagedBackup,
    ForeignFile,
    FrameReader,
    FrameWriter,
    Header,
    Kind,
    SealBroken,
    Sealer,
    frame,
    key_of,
)

KEY = b"a key of the operator"


def header(**other: object) -> Header:
    said: dict[str, object] = {
        "cluster_id": "c0ffee", "revision": 41, "term": 3, "feature_level": 1, "restore_epoch": 0,
        "last_allocation_id": 17, "state_at": 1_000, "created_at": 2_000, "member": "c1",
        "release": "0.1.0", **other,
    }  # fmt: skip
    return Header(**said)  # type: ignore[arg-type]


def made(key: bytes | None = None, states: tuple[bytes, ...] = (b"one", b"two")) -> bytes:
    writer = FrameWriter()
    whole = writer.header(header(is_sealed=key is not None))
    whole += b"".join(writer.state(state) for state in states) + writer.history(b"runs")
    whole += writer.end()
    if key is not None:
        sealer = Sealer(key)
        sealer.update(whole)
        whole += sealer.frame(len(states) + 3)
    return whole


def read(data: bytes, key: bytes | None = None, step: int = 1_000_000) -> list[tuple[Kind, bytes]]:
    """All frames, the file being fed in steps; only if it is whole."""
    reader = FrameReader(key)
    found: list[tuple[Kind, bytes]] = []
    for begin in range(0, len(data), step):
        found += reader.feed(data[begin : begin + step])
    reader.finish()
    return found


@pytest.mark.parametrize("key", [None, KEY])
def test_what_was_written_is_read_however_it_comes(key: bytes | None) -> None:
    whole = made(key)
    for step in (1, 7, len(whole)):
        frames = read(whole, key, step)
        assert frames[1:4] == [(Kind.STATE, b"one"), (Kind.STATE, b"two"), (Kind.HISTORY, b"runs")]
    reader = FrameReader()
    list(reader.feed(whole))
    said, totals = reader.finish()
    assert said == header(is_sealed=key is not None)
    assert (totals.frames, totals.state_bytes, totals.history_bytes) == (4, 6, 4)
    assert reader.size == len(whole)


@pytest.mark.parametrize("key", [None, KEY])
def test_b3_every_single_flipped_bit_is_found(key: bytes | None) -> None:
    whole = made(key)
    for place in range(len(whole)):
        for bit in range(8):
            altered = bytearray(whole)
            altered[place] ^= 1 << bit
            with pytest.raises(BackupError):
                read(bytes(altered), key)


@pytest.mark.parametrize("key", [None, KEY])
def test_b3_every_cut_is_found_and_so_is_every_byte_too_many(key: bytes | None) -> None:
    whole = made(key)
    for end in range(len(whole)):
        with pytest.raises(BackupError):
            read(whole[:end])
        with pytest.raises(BackupError):
            read(whole[:end], key)
    with pytest.raises(DamagedBackup):
        read(whole + b"\0")
    with pytest.raises(DamagedBackup, match="does not belong"):
        read(whole + frame(5 + (key is not None), Kind.STATE, b"more"))


@given(data=st.binary(max_size=200))
def test_b3_nothing_else_is_taken_for_a_backup(data: bytes) -> None:
    with pytest.raises(DamagedBackup if data.startswith(MAGIC) else ForeignFile):
        read(data)
    with pytest.raises(DamagedBackup):
        read(MAGIC + data)


def test_a_file_of_a_later_format_says_upgrade() -> None:
    writer = FrameWriter()
    later = writer.header(header(format=2)) + writer.end()
    with pytest.raises(ForeignFile, match="format 2, this release reads format 1: upgrade"):
        read(later)


def test_frames_in_another_order_or_taken_from_another_file_are_refused() -> None:
    writer = FrameWriter()
    begin = writer.header(header())
    one, two, end = writer.state(b"one"), writer.state(b"two"), writer.end()
    for wrong in (
        begin + two + one + end,
        begin + one + end,
        begin + one + one + end,
        MAGIC + frame(0, Kind.STATE, b"one"),
        begin + frame(1, Kind.HEADER, b"{}") + end,
        begin + frame(1, Kind.HISTORY, b"x") + frame(2, Kind.STATE, b"y"),
        begin + frame(1, Kind.SEAL, b"s" * 32),
        begin + frame(1, Kind.END, b"{}"),
        begin + b"\x09" + frame(1, Kind.STATE, b"x")[1:],
    ):
        with pytest.raises(DamagedBackup):
            read(wrong)


def test_a_frame_that_announces_gigabytes_costs_nothing() -> None:
    writer = FrameWriter()
    head = bytes((Kind.STATE,)) + (FRAME_BYTES_MAX + 1).to_bytes(4) + bytes(4)
    with pytest.raises(DamagedBackup, match="announces 16777217 bytes"):
        read(writer.header(header()) + head)


def test_sec_16_a_seal_tells_another_key_from_the_one_it_was_made_with() -> None:
    assert read(made(KEY), KEY)
    with pytest.raises(SealBroken, match="another key"):
        read(made(KEY), b"another key, just as long")
    with pytest.raises(SealBroken, match="without --key-file"):
        read(made(), KEY)


def test_sec_16_whoever_mends_all_checksums_but_has_no_key_is_found() -> None:
    with pytest.raises(SealBroken):
        read(made(None, states=(b"one", b"six")), KEY)
    writer = FrameWriter()
    sealed = writer.header(header(is_sealed=True)) + writer.state(b"six") + writer.end()
    with pytest.raises(SealBroken):
        read(sealed + frame(3, Kind.SEAL, bytes(32)), KEY)
    with pytest.raises(DamagedBackup, match="cut short"):
        read(sealed, KEY)


def test_a_key_is_the_content_of_a_file_without_the_line_break_at_its_end() -> None:
    assert key_of(KEY + b"\n") == KEY
    with pytest.raises(ValueError, match="16 bytes or more, this one has 5"):
        key_of(b"short\n")
