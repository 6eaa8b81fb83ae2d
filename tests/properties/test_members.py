"""Any history of wishes for members: ids only grow, one change at a time, a directory stays with its member."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coordinator.codec.snapshots import digest, encode, freeze, load
from coordinator.machine import commands as c
from coordinator.machine.apply import apply_batch
from coordinator.machine.invariants import check
from coordinator.machine.outcome import Accepted
from coordinator.model.limits import COORDINATORS_MAX
from coordinator.model.state import ClusterState

NUMBERS = st.integers(0, 8)
NAMES = st.sampled_from(("a", "b", "c", "d"))
WISHES = st.one_of(
    st.builds(c.AddMember, NAMES, NAMES.map("{}:1".format), st.sampled_from((0, 0, 1, 2, 3))),
    st.builds(c.BindMember, NUMBERS, st.sampled_from(("", "s1", "s2", "s3", "s4"))),
    st.builds(c.RemoveMember, NUMBERS),
)


def finish(state: ClusterState, draw: st.DrawFn) -> c.FinishMemberChange:
    """As a leader says it: whoever leaves is gone, or the newcomer that was called off."""
    change = state.member_change
    if change is None:
        return c.FinishMemberChange(draw(NUMBERS), (draw(NUMBERS),))
    gone = (change.leaving,) if change.leaving else ()
    return c.FinishMemberChange(change.revision, gone)


@given(st.data())
def test_any_history_of_wishes_keeps_ids_names_and_directories_apart(data: st.DataObject) -> None:
    state = ClusterState()
    seen: dict[int, tuple[str, str]] = {}  # id -> name, storage id
    for index in range(1, 25):
        command = data.draw(WISHES) if data.draw(st.integers(0, 2)) else finish(state, data.draw)
        before, pending = state.last_member_id, state.member_change
        (outcome,) = apply_batch(state, index, c.Batch(index, (c.Request(command),)))
        check(state)
        assert state.last_member_id - before == (
            isinstance(command, c.AddMember) and isinstance(outcome, Accepted) and outcome.created
        )
        if pending is not None and state.member_change not in (pending, None):
            assert isinstance(command, c.RemoveMember)
            assert command.id == pending.joining
        for record in state.members_by_id():
            name, storage_id = seen.get(record.id, (record.name, record.storage_id))
            assert record.name == name
            assert record.storage_id == storage_id or not storage_id
            seen[record.id] = (record.name, record.storage_id)
        bound = [one.storage_id for one in state.members_by_id() if one.storage_id]
        assert len(set(bound)) == len(bound)
        assert len(state.members) <= COORDINATORS_MAX + 1
    assert digest(load(encode(freeze(state)))) == digest(state)
