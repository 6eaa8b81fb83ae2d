"""The log, its unstable tail and its storage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.consensus.errors import (
    CommitBeyondLog,
    Compacted,
    ConsensusBroken,
    SnapshotOutOfDate,
    Unavailable,
)
from coordinator.consensus.log import RaftLog
from coordinator.consensus.messages import Append, Entry, EntryKind, HardState, Snapshot
from coordinator.consensus.sizes import NO_LIMIT, entries_size, entry_size, limit_size
from coordinator.consensus.storage import MemoryStorage


def entries(*terms: int, start: int = 1, data: bytes = b"") -> list[Entry]:
    return [Entry(term, index, EntryKind.NORMAL, data) for index, term in enumerate(terms, start)]


def log_of(*terms: int, stable: int | None = None, limit: int = NO_LIMIT) -> RaftLog:
    """A log with these terms from index 1 on, the first `stable` of them on disk (default: all)."""
    stored = len(terms) if stable is None else stable
    storage = MemoryStorage()
    storage.append(entries(*terms[:stored]))
    log = RaftLog(storage, limit)
    log.append(entries(*terms[stored:], start=stored + 1))
    return log


def append(prev: tuple[int, int], *terms: int, commit: int = 0) -> Append:
    return Append(2, 1, 9, prev[0], prev[1], commit, tuple(entries(*terms, start=prev[1] + 1)))


def terms_of(log: RaftLog) -> list[int]:
    return [entry.term for entry in log.entries_from(log.first_index(), NO_LIMIT)]


def test_only_a_real_conflict_truncates() -> None:
    log = log_of(1, 1, 2, 2)
    assert log.append_from_leader(append((1, 1), 1)) == 2
    assert terms_of(log) == [1, 1, 2, 2]  # an old, shorter message cuts nothing off
    assert log.append_from_leader(append((1, 2), 3)) == 3
    assert terms_of(log) == [1, 1, 3]


def test_nothing_is_taken_where_the_logs_differ() -> None:
    log = log_of(1, 1, 2)
    for message in (append((2, 2), 2), append((2, 5), 2)):
        assert log.append_from_leader(message) is None
    assert terms_of(log) == [1, 1, 2]


def test_what_is_committed_is_never_replaced() -> None:
    log = log_of(1, 1, 2)
    log.commit_to(2)
    with pytest.raises(ConsensusBroken):
        log.append_from_leader(append((1, 1), 3))


def test_commit_moves_to_what_is_shared_and_never_down() -> None:
    log = log_of(1, 1, 2)
    log.append_from_leader(append((1, 2), commit=3))
    assert log.committed == 2
    log.append_from_leader(append((1, 1), commit=1))
    assert log.committed == 2


def test_a_commit_beyond_the_log_says_that_entries_were_lost() -> None:
    with pytest.raises(CommitBeyondLog):
        log_of(1).commit_to(2)


def test_entries_that_do_not_follow_one_another_are_refused() -> None:
    log = log_of(1)
    crooked = Append(2, 1, 1, 1, 1, 0, tuple(entries(1, start=5)))
    with pytest.raises(ConsensusBroken):
        log.append_from_leader(crooked)


def test_where_logs_may_agree() -> None:
    log = log_of(1, 1, 4, 4, 5, 5, 6)
    assert log.agreement(7, 5) == (6, 5)
    assert log.agreement(4, 3) == (2, 1)
    assert log.agreement(2, 0) == (0, 0)
    assert log.agreement(9, 5) == (9, 0)  # unknown: it may agree


def test_up_to_date_is_by_term_and_then_by_length() -> None:
    log = log_of(1, 2)
    assert log.is_up_to_date(2, 2)
    assert log.is_up_to_date(3, 1)
    assert not log.is_up_to_date(2, 1)
    assert not log.is_up_to_date(1, 9)


def test_a_write_that_ends_after_its_entries_were_replaced_changes_nothing() -> None:
    log = log_of(1, 2, 2, stable=1)
    log.unstable.given_out()
    log.append(entries(3, start=2))
    log.unstable.stored(2, 3)
    log.unstable.stored(2, 2)
    assert [entry.term for entry in log.unstable.entries] == [3]
    assert log.unstable.next_entries() == tuple(entries(3, start=2))
    log.unstable.given_out()
    assert not log.unstable.has_next_entries()
    log.unstable.stored(3, 2)
    assert log.unstable.entries == []


def test_a_later_write_does_not_give_out_earlier_entries_again() -> None:
    log = log_of(1, 1, stable=0)
    assert len(log.unstable.next_entries()) == 2
    log.unstable.given_out()
    log.append(entries(1, start=3))
    assert log.unstable.next_entries() == tuple(entries(1, start=3))


def test_a_snapshot_replaces_everything_and_holds_back_what_is_committed() -> None:
    log = log_of(1, 1, stable=1)
    log.restore(Snapshot(5, 3))
    assert (log.first_index(), log.last_index(), log.last_term()) == (6, 5, 3)
    log.append(entries(3, start=6))
    log.commit_to(6)
    assert not log.has_next_committed(allow_unstable=True)
    log.unstable.snapshot_stored(4)  # another one
    assert not log.has_next_committed(allow_unstable=True)
    log.unstable.snapshot_stored(5)
    log.applied_to(5)
    assert log.next_committed(allow_unstable=True) == tuple(entries(3, start=6))


def test_committed_entries_are_given_out_once_and_only_when_stored() -> None:
    log = log_of(1, 1, 1, stable=2)
    log.commit_to(3)
    batch = log.next_committed(allow_unstable=False)
    assert [entry.index for entry in batch] == [1, 2]
    log.given_to_apply(batch, allow_unstable=False)
    assert log.next_committed(allow_unstable=False) == ()
    assert [e.index for e in log.next_committed(allow_unstable=True)] == [3]


def test_a_limit_holds_back_more_until_the_batch_is_applied() -> None:
    log = log_of(1, 1, 1, limit=entry_size(entries(1)[0]))
    log.commit_to(3)
    for index in (1, 2, 3):
        batch = log.next_committed(allow_unstable=True)
        assert [entry.index for entry in batch] == [index]
        log.given_to_apply(batch, allow_unstable=True)
        assert not log.has_next_committed(allow_unstable=True)
        log.applied_to(index, batch)


def test_applied_lies_between_what_was_applied_and_what_is_committed() -> None:
    log = log_of(1, 1)
    log.commit_to(1)
    with pytest.raises(ConsensusBroken):
        log.applied_to(2)


@given(
    st.lists(st.integers(1, 300), min_size=1, max_size=12).map(sorted),
    st.integers(0, 12),
    st.integers(0, 400),
)
def test_pages_over_stable_and_unstable_are_pages_over_the_log(
    terms: list[int], stable: int, limit: int
) -> None:
    log = log_of(*terms, stable=min(stable, len(terms)))
    for low in range(1, len(terms) + 1):
        whole = entries(*terms)[low - 1 :]
        assert log.entries_from(low, limit) == tuple(limit_size(whole, limit))


@given(
    st.lists(st.integers(1, 2**40), max_size=9).map(sorted),
    st.lists(st.binary(max_size=200), max_size=9),
    st.integers(1, 2**30),
    st.integers(0, 2_000),
)
def test_sizes_of_a_batch_are_the_sum_of_its_entries(
    terms: list[int], datas: list[bytes], start: int, limit: int
) -> None:
    batch = [
        Entry(term, start + place, EntryKind(place % 3), data)
        for place, (term, data) in enumerate(zip(terms, datas, strict=False))
    ]
    assert entries_size(batch) == sum(entry_size(entry) for entry in batch)
    page = limit_size(batch, limit)
    assert list(page) == batch[: len(page)]
    assert len(page) >= min(1, len(batch))
    assert entries_size(page) <= limit or len(page) <= 1
    assert len(page) == len(batch) or entries_size(batch[: len(page) + 1]) > limit


def test_storage_says_what_is_gone_and_what_is_not_there() -> None:
    storage = MemoryStorage()
    storage.append(entries(1, 1, 2, 2))
    storage.compact(2)
    assert (storage.first_index(), storage.last_index(), storage.term(2)) == (3, 4, 1)
    with pytest.raises(Compacted):
        storage.term(1)
    with pytest.raises(Compacted):
        storage.entries(2, 4, NO_LIMIT)
    with pytest.raises(Compacted):
        storage.compact(2)
    for call in (lambda: storage.term(5), lambda: storage.entries(3, 6, NO_LIMIT)):
        with pytest.raises(Unavailable):
            call()
    with pytest.raises(ConsensusBroken):
        storage.append(entries(2, start=6))


def test_storage_cuts_off_from_the_first_new_entry() -> None:
    storage = MemoryStorage()
    storage.append(entries(1, 1, 1))
    storage.compact(1)
    storage.append(entries(1, 2, start=1))  # the first of these is dropped already
    assert [storage.term(index) for index in (1, 2)] == [1, 2]
    assert storage.last_index() == 2


def test_storage_takes_newer_snapshots_only() -> None:
    storage = MemoryStorage(HardState(2, 1, 3), Snapshot(3, 2))
    storage.append(entries(2, 2, start=4))
    storage.save_snapshot(Snapshot(4, 2))
    assert (storage.first_index(), storage.last_index()) == (4, 5)
    storage.apply_snapshot(Snapshot(9, 3))
    assert (storage.first_index(), storage.last_index(), storage.term(9)) == (10, 9, 3)
    with pytest.raises(SnapshotOutOfDate):
        storage.apply_snapshot(Snapshot(9, 3))


def test_restored_storage_reaches_back_before_its_snapshot() -> None:
    storage = MemoryStorage.restored(
        HardState(2, 0, 4), Snapshot(4, 2), (2, 1), entries(2, 2, 2, start=3)
    )
    assert (storage.first_index(), storage.last_index()) == (3, 5)
    assert (storage.term(2), storage.term(3)) == (1, 2)
