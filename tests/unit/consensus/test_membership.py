from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.consensus import membership
from coordinator.consensus.errors import ConfigurationRefused, ConsensusBroken
from coordinator.consensus.membership import Changed, Configuration
from coordinator.consensus.messages import (
    ConfChange,
    ConfChangeOp,
    ConfChangeSingle,
    ConfState,
    Transition,
)
from coordinator.consensus.tracker import Tracker

SINGLES = st.builds(ConfChangeSingle, st.sampled_from(ConfChangeOp), st.integers(0, 5))
CHANGES = st.builds(
    ConfChange, st.lists(SINGLES, max_size=4).map(tuple), st.sampled_from(Transition)
)


def _add(member: int) -> ConfChangeSingle:
    return ConfChangeSingle(ConfChangeOp.ADD_VOTER, member)


def _learn(member: int) -> ConfChangeSingle:
    return ConfChangeSingle(ConfChangeOp.ADD_LEARNER, member)


def _remove(member: int) -> ConfChangeSingle:
    return ConfChangeSingle(ConfChangeOp.REMOVE, member)


@given(st.lists(CHANGES, max_size=12))
def test_any_sequence_of_changes_keeps_the_invariants(changes: list[ConfChange]) -> None:
    configuration = Configuration(voters=frozenset({1}))
    for change in changes:
        before = configuration
        try:
            configuration, _ = membership.apply_change(before, change)
        except ConfigurationRefused:
            assert configuration == before
            continue
        membership.check(configuration)
        assert configuration.voters
        if not before.is_joint and not configuration.is_joint:
            assert len(before.voters ^ configuration.voters) <= 1
        if configuration.is_joint and not before.is_joint:
            assert configuration.outgoing == before.voters
        if before.is_joint:
            assert configuration.voters == before.voters  # the only way on is out


@given(st.lists(CHANGES, max_size=8))
def test_the_stored_form_comes_back_the_same(changes: list[ConfChange]) -> None:
    configuration = Configuration(voters=frozenset({1}))
    for change in changes:
        try:
            configuration, _ = membership.apply_change(configuration, change)
        except ConfigurationRefused:
            continue
        stored = membership.to_conf_state(configuration)
        assert membership.from_conf_state(stored) == configuration


@given(st.lists(CHANGES, max_size=12))
def test_progress_is_kept_for_members_and_for_nobody_else(changes: list[ConfChange]) -> None:
    tracker = Tracker(max_inflight=4)
    tracker.adopt(Changed(Configuration(voters=frozenset({1})), frozenset()), 1)
    for last_index, change in enumerate(changes, 2):
        before = dict(tracker.progress)
        try:
            changed = membership.apply_change(tracker.configuration, change)
        except ConfigurationRefused:
            continue
        tracker.adopt(changed, last_index)
        configuration = tracker.configuration
        assert list(tracker.progress) == sorted(configuration.members)
        for member, progress in tracker.progress.items():
            assert progress.is_learner == (member in configuration.learners)
            if member in before and member not in changed.renewed:
                assert progress is before[member]
            else:
                assert progress.next == last_index


def test_a_member_that_leaves_and_comes_back_in_one_change_is_known_anew() -> None:
    configuration = Configuration(voters=frozenset({1, 2}))
    changed = membership.simple(configuration, (_remove(2), _add(2)))
    assert changed == Changed(configuration, frozenset({2}))


def test_a_demoted_voter_waits_until_the_joint_configuration_is_left() -> None:
    configuration = Configuration(voters=frozenset({1, 2}))
    joint, _ = membership.enter_joint(configuration, (_learn(2),), auto_leave=False)
    assert joint == Configuration(
        voters=frozenset({1}), outgoing=frozenset({1, 2}), learners_next=frozenset({2})
    )
    final, _ = membership.leave_joint(joint)
    assert final == Configuration(voters=frozenset({1}), learners=frozenset({2}))


@pytest.mark.parametrize(
    "state",
    [
        ConfState(voters=(1,), learners=(1,)),
        ConfState(voters=(1,), learners_next=(2,)),
        ConfState(voters=(1, 2), voters_outgoing=(1, 2), learners_next=(2,)),
        ConfState(voters=(1,), auto_leave=True),
    ],
)
def test_an_impossible_stored_configuration_is_not_believed(state: ConfState) -> None:
    with pytest.raises(ConsensusBroken):
        membership.from_conf_state(state)
