from __future__ import annotations

import pytest

from coordinator.codec.framing import framed, unframed
from coordinator.codec.snapshots import MalformedSnapshot


@pytest.mark.parametrize("chunks", [[], [b""], [b"a", b"", b"x" * 70_000]])
def test_chunks_come_back_from_one_run_of_bytes(chunks: list[bytes]) -> None:
    assert list(unframed(b"".join(framed(chunks)))) == chunks


@pytest.mark.parametrize("cut", [1, 3, 5])
def test_bytes_that_end_early_are_noticed(cut: int) -> None:
    data = b"".join(framed([b"abcdef"]))
    with pytest.raises(MalformedSnapshot, match=f"{cut} bytes too early"):
        list(unframed(data[:-cut]))
