from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.consensus.changes import conf_change_entry, decode_conf_change
from coordinator.consensus.errors import ConsensusBroken
from coordinator.consensus.messages import (
    ConfChange,
    ConfChangeOp,
    ConfChangeSingle,
    Entry,
    EntryKind,
    Transition,
)

SINGLES = st.builds(ConfChangeSingle, st.sampled_from(ConfChangeOp), st.integers(0, 2**64 - 1))


@given(st.lists(SINGLES, max_size=5), st.sampled_from(Transition), st.binary(max_size=300))
def test_a_change_survives_its_entry(
    singles: list[ConfChangeSingle], transition: Transition, context: bytes
) -> None:
    change = ConfChange(tuple(singles), transition, context)
    assert decode_conf_change(conf_change_entry(change)) == change


@given(SINGLES, st.binary(max_size=300))
def test_so_does_the_one_operation_form(single: ConfChangeSingle, context: bytes) -> None:
    change = ConfChange((single,), Transition.AUTO, context)
    entry = conf_change_entry(change, one_step=True)
    assert entry.kind is EntryKind.CONF_CHANGE
    assert decode_conf_change(entry) == change


def test_the_bytes_are_those_of_the_published_layout() -> None:
    change = ConfChange((ConfChangeSingle(ConfChangeOp.ADD_LEARNER, 300),), Transition.EXPLICIT)
    assert conf_change_entry(change).data == bytes.fromhex("0802 1205 0803 10ac02")
    one_step = ConfChange((ConfChangeSingle(ConfChangeOp.REMOVE, 1),))
    assert conf_change_entry(one_step, one_step=True).data == bytes.fromhex("1001 1801")


def test_nothing_leaves_the_joint_configuration() -> None:
    assert decode_conf_change(Entry(1, 1, EntryKind.CONF_CHANGE_V2, b"")).leaves_joint


def test_the_one_operation_form_takes_one_operation() -> None:
    single = ConfChangeSingle(ConfChangeOp.UPDATE, 1)
    for change in (ConfChange((single, single)), ConfChange((single,), Transition.IMPLICIT)):
        with pytest.raises(ValueError, match="one operation"):
            conf_change_entry(change, one_step=True)


@pytest.mark.parametrize(
    "entry",
    [
        Entry(1, 1, EntryKind.NORMAL, b""),
        Entry(1, 1, EntryKind.CONF_CHANGE_V2, b"\x08"),
        Entry(1, 1, EntryKind.CONF_CHANGE_V2, b"\x08\x09"),
        Entry(1, 1, EntryKind.CONF_CHANGE_V2, b"\x12\x7f\x01"),
        Entry(1, 1, EntryKind.CONF_CHANGE_V2, b"\x10\x01"),
        Entry(1, 1, EntryKind.CONF_CHANGE, b"\x12\x01\x01"),
    ],
)
def test_what_is_no_change_is_not_taken_for_one(entry: Entry) -> None:
    with pytest.raises(ConsensusBroken):
        decode_conf_change(entry)
