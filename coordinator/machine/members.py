"""Who belongs to the cluster: wishes to change that, one at a time (M1, M2), and their end.

The law keeps the records and the wish. Whether enough members are well is the leader's to judge before it takes a wish,
and it then has the consensus configuration follow, step by step; a leader that comes after it goes on from the wish.
"""

from __future__ import annotations

from msgspec.structs import replace

from coordinator.machine.commands import (
    AddMember,
    BindMember,
    FinishMemberChange,
    RemoveMember,
)
from coordinator.machine.outcome import Accepted, Outcome, Refusal, Refused
from coordinator.model.limits import COORDINATORS_MAX, NAME_BYTES_MAX
from coordinator.model.members import NOBODY, MemberChange, MemberRecord
from coordinator.model.state import ClusterState


def add_member(state: ClusterState, command: AddMember) -> Outcome:
    """A new record under a new id, and the wish to have it vote, in place of another if one is named."""
    if _is_there(state, command):
        return Accepted(unchanged=True)
    if state.member_change is not None:
        return _pending(state, state.member_change)
    if command.replaces and command.replaces not in state.members:
        return _unknown(command.replaces)
    refused = _unfit(state, command)
    if refused is not None:
        return refused
    number = state.last_member_id + 1
    state.put_member(MemberRecord(number, command.name, command.address, "", joined=state.revision))
    state.member_change = MemberChange(
        state.revision, state.at, joining=number, leaving=command.replaces
    )
    return Accepted(created=True)


def bind_member(state: ClusterState, command: BindMember) -> Outcome:
    """A member that was added has introduced itself: from here on it is this directory and no other (D11)."""
    record = state.members.get(command.id)
    if record is None:
        return _unknown(command.id)
    if record.storage_id == command.storage_id:
        return Accepted(unchanged=True)
    if record.storage_id or not command.storage_id:
        return Refused(Refusal.ALREADY_EXISTS, f"{record.name} has a data directory")
    if any(other.storage_id == command.storage_id for other in state.members.values()):
        return Refused(Refusal.ALREADY_EXISTS, "this data directory is another member's")
    state.put_member(replace(record, storage_id=command.storage_id, http=command.http))
    return Accepted()


def remove_member(state: ClusterState, command: RemoveMember) -> Outcome:
    """The wish to do without it. Of one that is being added: the wish to have it is called off."""
    if command.id not in state.members:
        return _unknown(command.id)
    change = state.member_change
    if change is not None and change.joining != command.id:
        if (change.joining, change.leaving) == (NOBODY, command.id):
            return Accepted(unchanged=True)
        return _pending(state, change)
    if len(state.members) == 1:
        return Refused(Refusal.WOULD_LOSE_QUORUM, "it is the only member")
    state.member_change = MemberChange(state.revision, state.at, leaving=command.id)
    return Accepted()


def finish_member_change(state: ClusterState, command: FinishMemberChange) -> Outcome:
    """The configuration is as wished. Those that are not part of it any more are forgotten, their ids are not."""
    change = state.member_change
    if change is None or change.revision != command.revision:
        return Accepted(unchanged=True)
    for number in command.gone:
        if number in state.members:
            state.drop_member(number)
    state.member_change = None
    return Accepted()


def described(state: ClusterState, change: MemberChange) -> str:
    """`adding c4`, `removing c3`, `replacing c3 by c4`."""
    joining, leaving = (
        state.members[number].name if number in state.members else str(number)
        for number in (change.joining, change.leaving)
    )
    if not change.leaving:
        return f"adding {joining}"
    return f"replacing {leaving} by {joining}" if change.joining else f"removing {leaving}"


def _is_there(state: ClusterState, command: AddMember) -> bool:
    """Whether this very wish is fulfilled, or under way: whoever repeats it may wait for it."""
    change = state.member_change
    for record in state.members.values():
        if (record.name, record.address) != (command.name, command.address):
            continue
        if change is not None and change.joining == record.id:
            return change.leaving == command.replaces
        if not command.replaces and (change is None or change.leaving != record.id):
            return True
    return False


def _unfit(state: ClusterState, command: AddMember) -> Refused | None:
    for field, text in (("name", command.name), ("address", command.address)):
        if not 0 < len(text.encode()) <= NAME_BYTES_MAX:
            return Refused(Refusal.INVALID_FIELD, f"{field}: 1 to {NAME_BYTES_MAX} bytes")
    staying = [record for record in state.members_by_id() if record.id != command.replaces]
    for record in staying:
        if command.name == record.name or command.address == record.address:
            detail = f"{record.name} at {record.address} is a member"
            return Refused(Refusal.ALREADY_EXISTS, detail)
    if len(staying) >= COORDINATORS_MAX:
        return Refused(Refusal.LIMIT_REACHED, f"at most {COORDINATORS_MAX} coordinators")
    return None


def _pending(state: ClusterState, change: MemberChange) -> Refused:
    return Refused(Refusal.CHANGE_PENDING, f"one at a time, and now: {described(state, change)}")


def _unknown(number: int) -> Refused:
    return Refused(Refusal.MEMBER_NOT_FOUND, f"no member {number}")
