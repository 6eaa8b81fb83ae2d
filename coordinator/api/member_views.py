"""Coordinators as the wire shows them: this one, the others, and the change among them that is under way."""

from __future__ import annotations

from coordinator.api.door import Door
from coordinator.replica.replica import Replica
from coordinator.wire.v1 import cluster_pb2 as wire


def own_member(door: Door) -> wire.Member:
    """What this one knows of itself."""
    facts = door.facts()
    replica = door.replica
    conf = replica.raft.configuration()
    role = "learner" if facts.member_id in conf.learners else replica.raft.role.value
    return wire.Member(
        id=facts.member_id,
        name=facts.name,
        grpc=facts.address,
        http=facts.http,
        role=role,
        condition=facts.condition,
        voter=facts.member_id in conf.voters,
        reachable=True,
        term=replica.term,
        applied=replica.state.revision,
        lag=max(0, replica.raft.commit_index - replica.state.revision),
        snapshot=facts.snapshot_index,
        fsync_p99_ms=facts.fsync_p99_ms,
        disk_free_bytes=facts.disk_free_bytes,
        version=facts.version,
        uptime_ms=facts.uptime_ms,
        log_entries=facts.log_entries,
        supports=replica.config.build.supports,
    )


def known_member(door: Door, number: int) -> wire.Member:
    """What the state and the configuration say of any."""
    record = door.replica.state.members[number]
    conf = door.replica.raft.configuration()
    said = door.replica.roster.said(number)
    return wire.Member(
        id=number,
        name=record.name,
        version=said.release if said is not None else "",
        supports=said.supports if said is not None else 0,
        grpc=door.address_of(number),
        http=record.http,
        voter=number in (*conf.voters, *conf.voters_outgoing),
    )


def members(door: Door) -> list[wire.Member]:
    """The leader's picture of everybody: what it knows of their logs."""
    replica = door.replica
    progress = replica.raft.status().progress
    found = []
    for number in sorted(replica.state.members):
        if number == door.facts().member_id:
            found.append(own_member(door))
            continue
        member = known_member(door, number)
        seen = progress.get(number)
        if seen is not None:
            member.role = "learner" if seen.is_learner else "follower"
            member.applied = seen.match
            member.lag = max(0, replica.raft.last_index - seen.match)
            member.reachable = door.reaches(number)
        elif replica.raft.is_leader:
            member.role = "learner"  # to be, when it has introduced itself
        found.append(member)
    return found


def pending(replica: Replica) -> wire.MemberChange | None:
    """The change under way; what it waits for is the leader's to know."""
    state = replica.state
    change = state.member_change
    if change is None:
        return None
    joining, leaving = state.members.get(change.joining), state.members.get(change.leaving)
    stage = replica.leading.member_changes.stage() if replica.leading is not None else None
    return wire.MemberChange(
        revision=change.revision,
        since_at=change.at,
        joining=joining.name if joining is not None else "",
        leaving=leaving.name if leaving is not None else "",
        stage=stage.value if stage is not None else "",
        joining_id=change.joining,
        leaving_id=change.leaving,
    )
