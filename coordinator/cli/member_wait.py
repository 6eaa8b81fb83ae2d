"""What a change of the coordinators shows until it is done: what it waits for, and what to do about it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from coordinator.cli import exits
from coordinator.cli.failures import Failure
from coordinator.cli.output import tell
from coordinator.cli.texts import count
from coordinator.client.errors import TimedOut, Unavailable

if TYPE_CHECKING:
    from coordinator.cli.session import Session
    from coordinator.client.cluster_views import Member, MemberChange, MemberChanged, Members
    from coordinator.client.requests import ChangeOptions

LOOK_S = 0.25


async def show_change(
    session: Session, done: MemberChanged, change: ChangeOptions, *, waits: bool, name: str
) -> int:
    """The wish, or what came of it. Raises TimedOut when the time given is over; the change goes on."""
    if change.dry_run:
        text = f"{name}  could be done  (dry run: nothing was written)"
        session.out.single("Member", done.answer, {"name": name}, name, lambda: text)
        return exits.OK
    if done.pending is None or not waits:
        return _show(session, await _look(session), done.pending, name)
    try:
        async with asyncio.timeout(session.left_s):
            return _show(session, await _until_done(session, done.pending), done.pending, name)
    except TimeoutError:
        raise TimedOut(
            "the change goes on; see how far it is with: taskctl cluster members",
            reason="timed_out",
        ) from None


async def _until_done(session: Session, wish: MemberChange) -> Members:
    said = ""
    while True:
        try:
            found = await _look(session)
        except Unavailable:  # a leader that goes hands over first
            found = None
        if found is not None:
            if found.pending is None or found.pending.revision != wish.revision:
                return found
            text = stage_text(found.pending, found.members)
            if text != said and not session.out.is_json:
                tell(text)
            said = text
        await asyncio.sleep(LOOK_S)


async def _look(session: Session) -> Members:
    return await session.client.cluster.members()


def change_text(change: MemberChange) -> str:
    """`adding c4`, `removing c3`, `replacing c3 by c4`."""
    if not change.leaving:
        return f"adding {change.joining}"
    return (
        f"replacing {change.leaving} by {change.joining}"
        if change.joining
        else f"removing {change.leaving}"
    )


def stage_text(change: MemberChange, members: list[Member]) -> str:
    """What it waits for."""
    newcomer = next((one for one in members if one.id == change.joining_id), None)
    what = change_text(change)
    match change.stage:
        case "not_started" if newcomer is not None:
            return f"{what}: waits for {newcomer.name} to be started:\n  {start_line(newcomer, members)}"
        case "catching_up" if newcomer is not None:
            return f"{what}: {newcomer.name} is catching up, {newcomer.lag or 0} entries to go"
        case "unhealthy":
            return f"{what}: too few of the coordinators that would vote answer"
        case "handing_over":
            return f"{what}: the leader hands over first"
        case _:
            return f"{what}: under way"


def start_line(newcomer: Member, members: list[Member]) -> str:
    """How the newcomer is started. Who it replaces may have its name, and is none to ask."""
    peers = {one.name: one.grpc for one in members}
    peers[newcomer.name] = newcomer.grpc
    listed = ",".join(f"{name}={address}" for name, address in sorted(peers.items()))
    return (
        f"task-coordinator --name {newcomer.name} --data-dir EMPTY_DIRECTORY "
        f"--listen {newcomer.grpc} --peers {listed}"
    )


def _show(session: Session, found: Members, wish: MemberChange | None, name: str) -> int:
    """What the cluster is now. Raises Failure if an addition was called off."""
    from coordinator.client.serializer import plain_dict

    number = wish.joining_id if wish is not None else 0
    member = next((one for one in found.members if _is_meant(one, number, name)), None)
    is_under_way = (
        wish is not None and found.pending is not None and found.pending.revision == wish.revision
    )
    if wish is not None and wish.joining and member is None:
        raise Failure(
            f"{session.doing}: called off",
            why=f"{wish.joining} was removed before it voted",
            hint="see who is there with: taskctl cluster members",
            exit_code=exits.CONFLICT,
            reason="called_off",
        )
    view: dict[str, Any] = plain_dict(member) if member is not None else {"name": name}
    view |= {"removed": member is None, "pending": found.pending if is_under_way else None}
    words = _words(member, wish if is_under_way else None)
    voters = count(sum(one.voter for one in found.members), "voter")
    session.out.single("Member", found.answer, view, name, lambda: f"{name}  {words} · {voters}")
    return exits.OK


def _is_meant(member: Member, number: int, name: str) -> bool:
    return member.id == number if number else member.name == name


def _words(member: Member | None, wish: MemberChange | None) -> str:
    if wish is not None:
        return f"{change_text(wish)}; see how far it is with: taskctl cluster members"
    if member is None:
        return "removed"
    return f"votes at {member.grpc}" if member.voter else f"is a {member.role} at {member.grpc}"
