"""Random histories: every invariant after each step, a plain model beside it, one state for all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.codec.envelope import decode_batch, encode_batch
from coordinator.codec.snapshots import digest, encode, freeze, load
from coordinator.machine.apply import apply_batch
from coordinator.machine.commands import Batch, DropReassignFloor, Request
from coordinator.machine.invariants import check
from coordinator.machine.outcome import Accepted, Refused
from coordinator.machine.restoring import STRIDE, begin_anew
from coordinator.model.state import ClusterState
from tests.properties.moves import beginning, command_for
from tests.properties.plain import Plain

STEPS = 40
pytestmark = pytest.mark.timeout(900)  # making a failing history short takes its time


def begun() -> ClusterState:
    """A state at revision 1 with two nodes."""
    state = ClusterState()
    apply_batch(state, 1, Batch(1_000, tuple(map(Request, beginning()))))
    state.take_events()
    return state


def picture(state: ClusterState) -> tuple[Any, ...]:
    """What a refused command must not touch."""
    return (
        dict(state.tasks),
        dict(state.nodes),
        dict(state.node_counters),
        dict(state.drains),
        dict(state.settings.values),
        state.reassign_floor,
        {name: dict(contents) for name, contents in state.manifests.items()},
        state.last_allocation_id,
        state.feature_level,
    )


@settings(max_examples=100)
@given(st.data())
def test_pt_a6_histories_keep_every_invariant_and_the_plain_model(data: st.DataObject) -> None:
    state, plain, at = begun(), Plain(), 1_000
    for index in range(2, STEPS):
        at += data.draw(st.sampled_from((0, 1, 3_000)))
        command = command_for(state, data.draw)
        before, lease, reassign = picture(state), state.settings.lease_ms, state.reassign_ms
        answer = apply_batch(state, index, Batch(at, (Request(command),)))[0]
        events = state.take_events()
        check(state)
        if isinstance(answer, Refused):
            assert picture(state) == before, "a refused command leaves no trace"
            assert not events
        else:
            if answer.unchanged:
                assert picture(state) == before
                assert not events
            plain.learn(command, answer, events)
        if not isinstance(command, DropReassignFloor) and state.settings.lease_ms < lease:
            assert state.reassign_ms >= reassign, "somebody may still count with the longer lease"
        plain.allocations(events)
        plain.agree(state)


@settings(max_examples=60)
@given(st.data())
def test_replay_and_snapshots_give_one_state(data: st.DataObject) -> None:
    """A member that applied all, one that began at a snapshot, and one that replays the log."""
    state, log, at = begun(), [], 1_000
    late: ClusterState | None = None
    joins_at = data.draw(st.integers(2, 20))
    for index in range(2, 25):
        at += data.draw(st.sampled_from((0, 3_000)))
        requests = tuple(
            Request(command_for(state, data.draw), data.draw(st.sampled_from(("", "r1", "r2"))), 1)
            for _ in range(data.draw(st.integers(0, 3)))
        )
        log.append(encode_batch(Batch(at, requests)))
        answers = apply_batch(state, index, decode_batch(log[-1]))
        if late is not None:
            assert apply_batch(late, index, decode_batch(log[-1])) == answers
        if index == joins_at:
            late = load(encode(freeze(state)))
    replayed = begun()
    for index, payload in enumerate(log, start=2):
        apply_batch(replayed, index, decode_batch(payload))
    assert late is not None
    assert digest(state) == digest(late) == digest(replayed)
    check(late)


@settings(max_examples=60)
@given(st.data())
def test_s44_a_state_begun_anew_keeps_every_invariant_and_goes_on(data: st.DataObject) -> None:
    """After any history: no run is left, all new numbers are above the old, and the law goes on from there."""
    state = begun()
    state.cluster_id = "old"
    for index in range(2, 20):
        apply_batch(state, index, Batch(1_000, (Request(command_for(state, data.draw)),)))
    last = state.last_allocation_id
    copy = load(encode(freeze(state)))
    begin_anew(state, 1)
    begin_anew(copy, 1)
    check(state)
    assert digest(copy) == digest(state)
    assert not any(task.has_node for task in state.tasks_by_id())
    for index in range(1, 10):
        request = Request(command_for(state, data.draw))
        apply_batch(state, state.revision + index, Batch(1_000, (request,)))
        check(state)
        new = [t for t in state.tasks_by_id() if t.has_node]
        assert all(task.allocation_id > last + STRIDE for task in new)


@given(st.data())
def test_a_known_request_id_never_acts_twice(data: st.DataObject) -> None:
    state = begun()
    for index in range(1, 15):
        command = command_for(state, data.draw)
        request = Request(command, f"r{index}", 7)
        first = apply_batch(state, 2 * index, Batch(1_000, (request,)))[0]
        if isinstance(first, Refused) and state.requests.get(request.request_id) is None:
            continue
        before = picture(state)
        again = apply_batch(state, 2 * index + 1, Batch(1_000, (request,)))[0]
        assert picture(state) == before
        if isinstance(first, Accepted):
            assert isinstance(again, Accepted)
            assert (again.task_id, again.created) == (first.task_id, first.created)
        else:
            assert again == first
