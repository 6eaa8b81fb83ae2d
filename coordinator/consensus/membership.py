"""Who belongs to the group, and the algebra of changing it. Pure: a change gives a new configuration or is refused.

A configuration has one set of voters, or two while it is *joint*: then both majorities must agree. A voter that is to
become a learner cannot be one while it still votes in the outgoing half, so it waits in `learners_next`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from coordinator.consensus.errors import ConfigurationRefused, ConsensusBroken
from coordinator.consensus.messages import (
    NO_MEMBER,
    ConfChange,
    ConfChangeOp,
    ConfChangeSingle,
    ConfState,
    MemberId,
    Transition,
)

Members = frozenset[MemberId]
_NOBODY: Members = frozenset()


class Configuration(msgspec.Struct, frozen=True):
    """The configuration in force."""

    voters: Members = _NOBODY  # the incoming half while joint
    outgoing: Members = _NOBODY
    learners: Members = _NOBODY
    learners_next: Members = _NOBODY
    auto_leave: bool = False

    @property
    def is_joint(self) -> bool:
        return bool(self.outgoing)

    @property
    def all_voters(self) -> Members:
        """Voters of either half."""
        return self.voters | self.outgoing

    @property
    def members(self) -> Members:
        """Everybody that takes part."""
        return self.voters | self.outgoing | self.learners

    def is_only_voter(self, member: MemberId) -> bool:
        """Whether `member` is a majority by itself."""
        return self.all_voters == {member}


class Changed(NamedTuple):
    """The result of a change: the configuration, and who left and came back in it, so is known anew."""

    configuration: Configuration
    renewed: Members


def from_conf_state(state: ConfState) -> Configuration:
    """The configuration that was stored. Raises `ConsensusBroken` if no change can have led to it."""
    configuration = Configuration(
        voters=frozenset(state.voters),
        outgoing=frozenset(state.voters_outgoing),
        learners=frozenset(state.learners),
        learners_next=frozenset(state.learners_next),
        auto_leave=state.auto_leave,
    )
    check(configuration)
    return configuration


def to_conf_state(configuration: Configuration) -> ConfState:
    """The form in which it is stored."""
    return ConfState(
        voters=tuple(sorted(configuration.voters)),
        voters_outgoing=tuple(sorted(configuration.outgoing)),
        learners=tuple(sorted(configuration.learners)),
        learners_next=tuple(sorted(configuration.learners_next)),
        auto_leave=configuration.auto_leave,
    )


def check(configuration: Configuration) -> None:
    """Raise `ConsensusBroken` if an invariant does not hold."""
    if configuration.learners & configuration.all_voters:
        raise ConsensusBroken(f"a learner is a voter as well: {configuration}")
    if not configuration.learners_next <= configuration.outgoing:
        raise ConsensusBroken(f"a next learner is no outgoing voter: {configuration}")
    if configuration.learners_next & configuration.voters:
        raise ConsensusBroken(f"a next learner is an incoming voter: {configuration}")
    if configuration.auto_leave and not configuration.is_joint:
        raise ConsensusBroken(f"nothing to leave: {configuration}")


def apply_change(configuration: Configuration, change: ConfChange) -> Changed:
    """Carry out a change the way it asks for. Raises `ConfigurationRefused`."""
    if change.leaves_joint:
        return leave_joint(configuration)
    if change.enters_joint:
        auto_leave = change.transition is not Transition.EXPLICIT
        return enter_joint(configuration, change.changes, auto_leave=auto_leave)
    return simple(configuration, change.changes)


def simple(configuration: Configuration, changes: Iterable[ConfChangeSingle]) -> Changed:
    """One step: any number of learners, but at most one voter may change. Raises `ConfigurationRefused`."""
    if configuration.is_joint:
        raise ConfigurationRefused("can't apply simple config change in joint config")
    draft = _Draft(configuration)
    draft.apply(changes)
    if len(configuration.voters ^ draft.voters) > 1:
        raise ConfigurationRefused("more than one voter changed without entering joint config")
    return draft.result(auto_leave=configuration.auto_leave)


def enter_joint(
    configuration: Configuration, changes: Iterable[ConfChangeSingle], *, auto_leave: bool
) -> Changed:
    """The present voters stay as outgoing half, the changes make the incoming one. Raises `ConfigurationRefused`."""
    if configuration.is_joint:
        raise ConfigurationRefused("config is already joint")
    if not configuration.voters:
        raise ConfigurationRefused("can't make a zero-voter config joint")
    draft = _Draft(configuration)
    draft.outgoing = configuration.voters
    draft.apply(changes)
    return draft.result(auto_leave=auto_leave)


def leave_joint(configuration: Configuration) -> Changed:
    """The incoming half alone remains. Raises `ConfigurationRefused`."""
    if not configuration.is_joint:
        raise ConfigurationRefused("can't leave a non-joint config")
    final = Configuration(
        voters=configuration.voters,
        learners=configuration.learners | configuration.learners_next,
    )
    check(final)
    return Changed(final, _NOBODY)


class _Draft:
    """A configuration under change."""

    def __init__(self, configuration: Configuration) -> None:
        self.voters = set(configuration.voters)
        self.outgoing = configuration.outgoing
        self._learners = set(configuration.learners)
        self._learners_next = set(configuration.learners_next)
        self._dropped: set[MemberId] = set()

    def apply(self, changes: Iterable[ConfChangeSingle]) -> None:
        for change in changes:
            if change.member == NO_MEMBER:
                continue
            match change.op:
                case ConfChangeOp.ADD_VOTER:
                    self._make_voter(change.member)
                case ConfChangeOp.ADD_LEARNER:
                    self._make_learner(change.member)
                case ConfChangeOp.REMOVE:
                    self._remove(change.member)
                case ConfChangeOp.UPDATE:
                    pass
        if not self.voters:
            raise ConfigurationRefused("removed all voters")

    def result(self, *, auto_leave: bool) -> Changed:
        configuration = Configuration(
            voters=frozenset(self.voters),
            outgoing=self.outgoing,
            learners=frozenset(self._learners),
            learners_next=frozenset(self._learners_next),
            auto_leave=auto_leave,
        )
        check(configuration)
        return Changed(configuration, frozenset(self._dropped))

    def _knows(self, member: MemberId) -> bool:
        return member in self.voters or member in self.outgoing or member in self._learners

    def _make_voter(self, member: MemberId) -> None:
        self._learners.discard(member)
        self._learners_next.discard(member)
        self.voters.add(member)

    def _make_learner(self, member: MemberId) -> None:
        self.voters.discard(member)
        if member in self.outgoing:
            self._learners_next.add(member)
        else:
            self._learners.add(member)

    def _remove(self, member: MemberId) -> None:
        if not self._knows(member):
            return
        self.voters.discard(member)
        self._learners.discard(member)
        self._learners_next.discard(member)
        if member not in self.outgoing:
            self._dropped.add(member)
