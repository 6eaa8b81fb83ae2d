"""Who else is there, before a cluster is given up: each recorded member is asked once what it says of itself."""

from __future__ import annotations

import asyncio

import msgspec

from coordinator.client import Client, ClientError
from coordinator.model.members import MemberRecord
from coordinator.shell.survivor import Survivor

ANSWER_S = 2.0


class Heard(msgspec.Struct, frozen=True):
    """One other member: `text` for people. `applied` is 0 where it says nothing of this cluster."""

    text: str
    applied: int = 0
    has_quorum: bool = False


def listen_to(survivor: Survivor, own: str) -> dict[str, Heard]:
    """By name, in the order of the record."""
    others = [one for _, one in sorted(survivor.state.members.items()) if one.name != own]
    cluster_id = survivor.identity.cluster_id or ""
    return asyncio.run(_ask_all(others, cluster_id)) if others else {}


async def _ask_all(others: list[MemberRecord], cluster_id: str) -> dict[str, Heard]:
    async with Client([one.address for one in others], timeout_s=ANSWER_S) as client:
        heard = await asyncio.gather(*(_ask(client, one.address, cluster_id) for one in others))
    return {one.name: said for one, said in zip(others, heard, strict=True)}


async def _ask(client: Client, address: str, cluster_id: str) -> Heard:
    try:
        status = await client.cluster.status_of(address, timeout_s=ANSWER_S)
    except ClientError as error:
        return Heard(f"{address}, does not serve ({error.reason})")
    if status.cluster_id != cluster_id:
        return Heard(f"{address}, is of cluster {status.cluster_id} now")
    applied = status.member.applied
    state = "has a quorum" if status.has_quorum else "has no quorum"
    return Heard(
        f"{address}, answers: {state}, applied up to {applied}", applied, status.has_quorum
    )
