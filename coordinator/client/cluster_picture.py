"""One picture of a cluster from what each member says by itself; works without a leader or a quorum (EX-16).

The members that are asked are those we were told of and those that an answering member names.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from coordinator.client.client import Client
from coordinator.client.cluster_from_wire import unreachable
from coordinator.client.cluster_views import ClusterStatus, Finding, Member, MemberStatus
from coordinator.client.errors import ClientError, transport_words

ASK_S = 1.0


class Said(NamedTuple):
    """One member's answer or error, and how far its clock is from ours (None: unknown)."""

    status: MemberStatus | None
    error: str
    clock_offset_ms: float | None


async def ask_members(
    client: Client, addresses: Sequence[str], *, timeout_s: float = ASK_S
) -> dict[str, Said]:
    """What the members at these addresses say, all asked at once."""
    answers = await asyncio.gather(*(_ask(client, one, timeout_s) for one in addresses))
    return dict(zip(addresses, answers, strict=True))


async def _ask(client: Client, address: str, timeout_s: float) -> Said:
    before = time.time() * 1000
    try:
        status = await client.cluster.status_of(address, timeout_s=timeout_s)
    except ClientError as error:
        return Said(None, transport_words(error.message), None)
    middle = (before + time.time() * 1000) / 2
    return Said(status, "", None if status.wall_at is None else status.wall_at - middle)


async def take_picture(client: Client, *, timeout_s: float = ASK_S) -> ClusterStatus:
    """Ask everybody and put it together. Nobody answering gives a picture without a reachable member."""
    return put_together(await ask_everybody(client, timeout_s=timeout_s))


async def ask_everybody(client: Client, *, timeout_s: float = ASK_S) -> dict[str, Said]:
    """What the members say that we were told of, and those that they name."""
    said = await ask_members(client, client.addresses, timeout_s=timeout_s)
    named = {member.grpc for one in said.values() if one.status for member in one.status.members}
    more = sorted(named - set(said))
    if more:
        said |= await ask_members(client, more, timeout_s=timeout_s)
    return said


def put_together(said: Mapping[str, Said]) -> ClusterStatus:
    """The picture. Pure: the freshest member speaks for the cluster, each for itself."""
    there = [one.status for one in said.values() if one.status is not None]
    members = _members(said, there)
    if not there:
        return _nobody(members)
    best = max(there, key=lambda status: (status.answer.term, status.member.applied))
    voters = sum(member.voter for member in members)
    reachable = sum(member.voter and member.reachable for member in members)
    majority = voters // 2 + 1
    quorum = reachable >= majority and any(status.has_quorum for status in there)
    findings = _findings(members)
    return ClusterStatus(
        cluster_id=best.cluster_id or None,
        health=_health(findings, quorum=quorum),
        quorum=quorum,
        findings=findings,
        leader=next((member.name for member in members if member.role == "leader"), None),
        term=best.answer.term,
        commit=max(status.commit for status in there),
        feature_level=best.feature_level,
        voters=voters,
        tolerates=max(0, reachable - majority),
        elections_24h=max(status.elections for status in there),
        clock_spread_ms=_spread([one.clock_offset_ms for one in said.values()]),
        nodes=best.nodes,
        tasks=best.tasks,
        members=members,
        feature_level_highest=max(best.feature_level, *(m.supports for m in members)),
        feature_level_possible=_possible(best, members),
    )


def _possible(best: MemberStatus, members: Sequence[Member]) -> int:
    """What everybody can follow; whoever gives no answer may have become an older release."""
    supports = [member.supports if member.reachable else 0 for member in members]
    of_nodes = [best.nodes_support] if best.nodes_support else []
    return max(best.feature_level, min(supports + of_nodes))


def _members(said: Mapping[str, Said], there: Sequence[MemberStatus]) -> list[Member]:
    """Each member in its own words, or as unreachable; ordered by name."""
    named = {member.grpc: member for status in there for member in status.members}
    applied = max((status.member.applied for status in there), default=0)
    members = []
    for address, one in said.items():
        if one.status is None:
            if there and address not in named:
                continue  # we were told of it, but the cluster does not know it
            members.append(_silent(named.get(address), address, one.error))
            continue
        own = one.status.member
        lag = None if own.role == "leader" else max(0, applied - own.applied)
        members.append(replace(own, grpc=own.grpc or address, lag=lag, reachable=True))
    unique = {(member.name, member.grpc): member for member in members}
    return [unique[key] for key in sorted(unique)]


def _silent(named: Member | None, address: str, error: str) -> Member:
    if named is None:
        return unreachable("", address, error)
    return unreachable(named.name, address, error, voter=named.voter, number=named.id)


def _nobody(members: list[Member]) -> ClusterStatus:
    return ClusterStatus(
        cluster_id=None,
        health="error",
        quorum=False,
        findings=_findings(members),
        leader=None,
        term=0,
        commit=0,
        feature_level=0,
        voters=len(members),
        tolerates=0,
        elections_24h=0,
        clock_spread_ms=None,
        nodes={},
        tasks={},
        members=members,
    )


def _findings(members: Sequence[Member]) -> list[Finding]:
    found = [
        Finding("unreachable", "warning", f"{member.name or member.grpc}: {member.error}")
        for member in members
        if not member.reachable
    ]
    return found + [
        Finding("condition", "error", f"{member.name}: {member.condition}")
        for member in members
        if member.reachable and member.condition not in ("ok", "")
    ]


def _health(findings: Sequence[Finding], *, quorum: bool) -> str:
    if not quorum or any(finding.level == "error" for finding in findings):
        return "error"
    return "warning" if findings else "ok"


def _spread(offsets: Sequence[float | None]) -> int | None:
    known = [offset for offset in offsets if offset is not None]
    return round(max(known) - min(known)) if known else None
