"""The store's promises, once for the fake and the real thing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coordinator.consensus.messages import Entry, HardState, Snapshot
from coordinator.shell.store import Store
from coordinator.shell.store_port import CHUNK_BYTES, DataDirError, Write
from tests.ports.fake_store import FakeStore
from tests.ports.store_kit import (
    CONF,
    FOUNDING,
    KEPT,
    Driver,
    FakeDriver,
    RealDriver,
    append,
    entries,
    run_row,
)


@pytest.fixture(params=[FakeDriver, RealDriver])
def driver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Driver]:
    made = request.param(tmp_path, entries_kept=KEPT)
    made.store.found("cluster", 1, FOUNDING)
    yield made
    made.close()


def test_an_empty_store_knows_its_storage_id_only(driver: Driver, tmp_path: Path) -> None:
    fresh = type(driver)(tmp_path / "other", entries_kept=KEPT)  # type: ignore[call-arg]
    assert fresh.store.identity.storage_id
    assert not fresh.store.identity.founded
    assert fresh.store.recovered.hard_state == HardState()
    fresh.close()


def test_founding_binds_the_directory_and_is_the_first_snapshot(driver: Driver) -> None:
    before = driver.store.identity
    found = driver.reopen()
    assert found.snapshot == FOUNDING
    assert found.hard_state == HardState(term=1, vote=0, commit=1)
    assert driver.store.identity == before
    assert (before.cluster_id, before.member_id) == ("cluster", 1)
    with pytest.raises(ValueError, match="bound to cluster cluster"):
        driver.store.found("another", 1, FOUNDING)


def test_a_joining_member_is_bound_before_it_has_a_snapshot(tmp_path: Path) -> None:
    driver = RealDriver(tmp_path, entries_kept=KEPT)
    driver.store.adopt("cluster", 4)
    assert driver.reopen().snapshot is None
    assert (driver.store.identity.cluster_id, driver.store.identity.member_id) == ("cluster", 4)
    driver.write(Write(HardState(3, 0, 90), snapshot=Snapshot(90, 3, CONF, b"from the leader")))
    assert driver.reopen().snapshot == Snapshot(90, 3, CONF, b"from the leader")
    driver.close()


def test_each_transaction_is_there_after_it_returned(driver: Driver) -> None:
    expected: tuple[Entry, ...] = ()
    for number in range(12):
        write = append(2 + 3 * number, 3)
        driver.write(write)
        expected += write.entries
        found = driver.reopen()
        assert found.entries == expected
        assert found.hard_state == write.hard_state


def test_a_new_leader_replaces_the_tail(driver: Driver) -> None:
    driver.write(append(2, 8))
    driver.write(append(5, 2, term=3))
    found = driver.reopen()
    assert found.entries == entries(2, 3) + entries(5, 2, term=3)


def test_writes_that_wait_together_end_as_if_alone(driver: Driver) -> None:
    driver.write(append(2, 4), append(6, 4), append(4, 1, term=2), append(5, 2, term=2))
    found = driver.reopen()
    assert found.entries == entries(2, 2) + entries(4, 3, term=2)
    assert found.hard_state.term == 2


def test_a_received_snapshot_replaces_log_and_snapshot(driver: Driver) -> None:
    driver.write(append(2, 8))
    received = Snapshot(50, 4, CONF, b"s" * (CHUNK_BYTES + 7))
    driver.write(
        Write(HardState(4, 0, 50), entries(51, 2, term=4), received), append(53, 1, term=4)
    )
    found = driver.reopen()
    assert found.snapshot == received
    assert found.entries == entries(51, 3, term=4)


def test_our_own_snapshot_drops_the_log_but_for_the_entries_kept(driver: Driver) -> None:
    driver.write(append(2, 40))
    chunks = [b"a" * CHUNK_BYTES, b"b" * (2 * CHUNK_BYTES + 1), b"", b"c"]
    assert driver.snapshot(30, 1, chunks)
    found = driver.reopen()
    assert found.snapshot == Snapshot(30, 1, CONF, b"".join(chunks))
    assert [entry.index for entry in found.entries] == list(range(30 - KEPT + 1, 42))
    assert found.hard_state.commit == 1


def test_a_snapshot_that_was_overtaken_is_given_up(driver: Driver) -> None:
    driver.write(append(2, 10))
    driver.write(Write(HardState(2, 0, 60), snapshot=Snapshot(60, 2, CONF, b"newer")))
    assert not driver.snapshot(8, 1, [b"older"])
    found = driver.reopen().snapshot
    assert found is not None
    assert found.index == 60


async def test_a_snapshot_is_read_in_chunks_and_held_while_read(driver: Driver) -> None:
    driver.write(append(2, 40))
    first = bytes(range(256)) * (CHUNK_BYTES // 64)
    assert driver.snapshot(20, 1, [first])
    reader = await driver.store.open_snapshot()
    assert reader is not None
    assert (reader.mark.index, reader.mark.size, reader.mark.chunks) == (20, len(first), 4)
    begun = await reader.chunk(0)
    assert driver.snapshot(30, 1, [b"second"])
    driver.write(append(42, 1), append(43, 1))
    assert begun + b"".join([await reader.chunk(n) for n in range(1, 4)]) == first
    reader.close()


async def test_a_run_is_laid_together_from_what_was_said_of_it(driver: Driver) -> None:
    driver.write(
        Write(
            runs=(run_row("t", 7, 5, executor="demo.noop", attempt=1, node="n1", assigned_at=10),)
        )
    )
    driver.write(Write(runs=(run_row("t", 7, 6, started_at=11),)))
    driver.reopen()
    end = run_row("t", 7, 8, ended_at=20, outcome="succeeded", result=b'"ok"', logs=b"line")
    driver.write(Write(runs=(end, run_row("t", 9, 9, node="n2"))))
    whole = run_row(
        "t", 7, 8, executor="demo.noop", attempt=1, node="n1", assigned_at=10, started_at=11,
        ended_at=20, outcome="succeeded", result=b'"ok"',
    )  # fmt: skip
    assert await driver.store.run("t", 7) == whole
    assert await driver.store.run_logs("t", 7) == b"line"
    assert [row.allocation_id for row in await driver.store.runs("t", 10)] == [9, 7]
    assert [row.allocation_id for row in await driver.store.runs("t", 10, 9)] == [7]
    assert [row.allocation_id for row in await driver.store.runs("t", 1)] == [9]
    assert (await driver.store.runs("t", 1, 9))[0].result is None
    assert await driver.store.run("t", 8) is None
    assert await driver.store.run("other", 7) is None
    assert driver.reopen().applied_runs_index == 9


async def test_forgotten_runs_are_gone_and_newer_ones_stay(driver: Driver) -> None:
    driver.write(Write(runs=tuple(run_row("t", n, n, node="n1") for n in range(1, 9))))
    driver.write(
        Write(runs=(run_row("u", 20, 20, node="n1"), run_row("u", 21, 21, node="n1"))),
        Write(forget_runs=(("t", 6), ("u", 20))),
    )
    assert [row.allocation_id for row in await driver.store.runs("t", 10)] == [8, 7]
    assert [row.allocation_id for row in await driver.store.runs("u", 10)] == [21]


async def test_all_runs_are_told_by_allocation_id_with_what_they_left(driver: Driver) -> None:
    full = run_row("b", 3, 4, node="n1", ended_at=9, error=b"e", result=b"r", logs=b"l")
    driver.write(Write(runs=(run_row("z", 9, 5), full, run_row("a", 12, 6), run_row("b", 4, 7))))
    assert (await driver.store.runs_after(0, 1))[0] == full
    assert [row.allocation_id for row in await driver.store.runs_after(3, 2)] == [4, 9]
    assert [row.task_id for row in await driver.store.runs_after(4, 10)] == ["z", "a"]
    assert await driver.store.runs_after(12, 10) == []
    newest = await driver.store.runs_before(None, 3)
    assert [(row.task_id, row.allocation_id) for row in newest] == [("a", 12), ("z", 9), ("b", 4)]
    assert [row.allocation_id for row in await driver.store.runs_before(9, 10)][:1] == [4]
    assert all(row.result is None and row.logs is None for row in newest)
    assert await driver.store.runs_before(1, 10) == []


def test_the_disk_of_another_member_is_refused(tmp_path: Path) -> None:
    fake, real = FakeDriver(tmp_path, entries_kept=KEPT), RealDriver(tmp_path, entries_kept=KEPT)
    with pytest.raises(DataDirError, match="'c1'"):
        FakeStore.open(fake.disk, "c2")
    real.close()
    with pytest.raises(DataDirError, match="'c1'"):
        Store.open(real.directory, "c2")


def test_a_removed_member_does_not_open_its_store_again(driver: Driver) -> None:
    driver.store.mark_removed()
    with pytest.raises(DataDirError, match="removed"):
        driver.reopen()


def test_a_run_forgotten_in_its_own_group_counts_as_applied(driver: Driver) -> None:
    driver.write(Write(runs=(run_row("t", 1, 8, node="n1"),)), Write(forget_runs=(("t", 1),)))
    assert driver.reopen().applied_runs_index == 8


steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 4), st.integers(0, 3)),
        st.tuples(st.just("runs"), st.integers(1, 6), st.integers(1, 3)),
        st.tuples(st.just("forget"), st.integers(1, 6), st.integers(1, 3)),
        st.tuples(st.just("install"), st.integers(1, 5), st.just(0)),
        st.tuples(st.just("take"), st.integers(0, 3), st.just(0)),
        st.tuples(st.just("reopen"), st.just(0), st.just(0)),
    ),
    max_size=14,
)


class Pair:
    """Writes go to the fake one by one and to the real store in groups: merging must not show."""

    def __init__(self, directory: Path, group: int) -> None:
        self.fake = FakeDriver(directory, entries_kept=KEPT)
        self.real = RealDriver(directory, entries_kept=KEPT)
        self.fake.store.found("cluster", 1, FOUNDING)
        self.real.store.found("cluster", 1, FOUNDING)
        self.group = group
        self.waiting: list[Write] = []
        self.last, self.term = 1, 1

    def do(self, number: int, kind: str, a: int, b: int) -> None:
        match kind:
            case "append":
                self._put(self._append(a, b))
            case "runs":
                row = run_row(f"t{b}", 10 * b + a, number, started_at=number)
                self._put(Write(runs=(row,)))
            case "forget":
                self._put(Write(forget_runs=((f"t{b}", 10 * b + a),)))
            case "install":
                self.last += a
                state = HardState(self.term, 0, self.last)
                self._put(Write(state, (), Snapshot(self.last, self.term, CONF, b"x" * a)))
            case "take":
                self._take(max(1, self.last - a))
            case _:
                self.compare()

    def compare(self) -> None:
        self._flush()
        assert self.fake.reopen() == self.real.reopen()

    def _append(self, count: int, back: int) -> Write:
        self.term += back > 0
        installed = [write.snapshot.index for write in self.waiting if write.snapshot]
        stored = self.fake.store.disk.durable.snapshot or FOUNDING
        first = max(self.last + 1 - back, max([stored.index, *installed]) + 1)
        self.last = first + count - 1
        return append(first, count, self.term, commit=1)

    def _take(self, index: int) -> None:
        self._flush()
        if entry := self.fake.store.disk.durable.entries.get(index):
            taken = [
                driver.snapshot(index, entry.term, [b"t"]) for driver in (self.fake, self.real)
            ]
            assert taken[0] == taken[1]

    def _put(self, write: Write) -> None:
        self.waiting.append(write)
        if len(self.waiting) >= self.group:
            self._flush()

    def _flush(self) -> None:
        for write in self.waiting:
            self.fake.write(write)
        if self.waiting:
            self.real.write(*self.waiting)
        self.waiting.clear()


@given(steps=steps, group=st.integers(1, 4))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_real_and_fake_agree_on_any_sequence(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]], group: int
) -> None:
    pair = Pair(tmp_path_factory.mktemp("agree"), group)
    try:
        for number, (kind, a, b) in enumerate(steps):
            pair.do(number, kind, a, b)
        pair.compare()
    finally:
        pair.real.close()
