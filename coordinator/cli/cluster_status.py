"""`taskctl cluster status`: every member is asked by itself, so it works without a quorum, and then exits 6 (EX-16)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from coordinator.cli import exits
from coordinator.cli.lazy import Verb
from coordinator.cli.output import Column, tell
from coordinator.cli.session import Session, session_of
from coordinator.cli.texts import age, count

if TYPE_CHECKING:
    from coordinator.client.cluster_views import ClusterStatus, Member


@click.command("status", cls=Verb)
@click.pass_context
def status(ctx: click.Context) -> int:
    """What each member says of itself. Exits 6 without a quorum."""
    session = session_of(ctx)
    session.doing = "cluster status"
    return session.run(lambda: _status(session))


async def _status(session: Session) -> int:
    from coordinator.client.cluster_picture import take_picture
    from coordinator.client.views import Answer

    found = await take_picture(session.client)
    if not any(member.reachable for member in found.members):
        raise _nobody(found)
    answer = Answer(revision=found.commit)
    if session.out.is_json:
        session.out.single("ClusterStatus", answer, found, found.cluster_id or "", str)
    else:
        session.out.listing("MemberList", answer, found.members, COLUMNS)
    if session.out.is_table:
        session.out.write(summary(found))
        for finding in found.findings:
            session.out.write(f"{finding.level}  {finding.rule}: {finding.text}")
    return exits.OK if found.quorum else exits.UNAVAILABLE


def _nobody(found: ClusterStatus) -> Exception:
    from coordinator.client.errors import Unavailable

    first = found.members[0]
    error = Unavailable(first.error or "no answer")
    error.member = first.grpc
    return error


@click.command("members", cls=Verb)
@click.pass_context
def members(ctx: click.Context) -> int:
    """The coordinators as the leader knows them."""
    session = session_of(ctx)
    session.doing = "cluster members"

    async def work() -> int:
        found = await session.client.cluster.members(read=session.read)
        session.out.listing("MemberList", found.answer, found.members, MEMBER_COLUMNS)
        if found.pending is not None and session.out.is_table:
            from coordinator.cli.member_wait import stage_text

            tell(stage_text(found.pending, found.members))
        return exits.OK

    return session.run(work)


def _number(member: Member, value: int) -> str:
    return str(value) if member.reachable else "-"


def _fsync(member: Member) -> str:
    return "-" if member.fsync_p99_ms is None else f"{member.fsync_p99_ms:.1f} ms"


def _role(member: Member) -> str:
    return member.role if member.condition in ("ok", "") else f"{member.role} ({member.condition})"


COLUMNS: Sequence[Column[Member]] = (
    Column("NAME", lambda member: member.name or "?"),
    Column("ADDRESS", lambda member: member.grpc),
    Column("ROLE", _role),
    Column("TERM", lambda m: _number(m, m.term), lambda m: m.term, right=True),
    Column("APPLIED", lambda m: _number(m, m.applied), lambda m: m.applied, right=True),
    Column("LAG", lambda m: "-" if m.lag is None else str(m.lag), lambda m: m.lag, right=True),
    Column("SNAPSHOT", lambda m: _number(m, m.snapshot), lambda m: m.snapshot, right=True),
    Column("FSYNC p99", _fsync, lambda member: member.fsync_p99_ms, right=True),
    Column("VERSION", lambda member: member.version or "-"),
    Column(
        "UP",
        lambda member: "-" if member.uptime_ms is None else age(member.uptime_ms),
        lambda member: member.uptime_ms,
    ),
    Column("HTTP", lambda member: member.http or "-", wide=True),
    Column("LOG", lambda m: _number(m, m.log_entries), lambda m: m.log_entries, right=True, wide=True),
)  # fmt: skip


MEMBER_COLUMNS: Sequence[Column[Member]] = (
    Column("NAME", lambda member: member.name),
    Column("ID", lambda member: str(member.id), lambda member: member.id, right=True),
    Column("ADDRESS", lambda member: member.grpc),
    Column("ROLE", lambda member: _role(member) or "-"),
    Column("VOTES", lambda member: "yes" if member.voter else "no", lambda member: member.voter),
    Column("ANSWERS", lambda m: "yes" if m.reachable else "no", lambda member: member.reachable),
    Column("APPLIED", lambda m: str(m.applied), lambda m: m.applied, right=True),
    Column("LAG", lambda m: "-" if m.lag is None else str(m.lag), lambda m: m.lag, right=True),
    Column("HTTP", lambda member: member.http or "-", wide=True),
)  # fmt: skip


def _level(found: ClusterStatus) -> str:
    text = f"feature level {found.feature_level}"
    if found.feature_level_possible > found.feature_level:
        return f"{text}, {found.feature_level_possible} is possible: taskctl cluster upgrade"
    if found.feature_level_highest > found.feature_level:
        return f"{text}, {found.feature_level_highest} when all can follow: taskctl cluster upgrade --dry-run"
    return text


def summary(found: ClusterStatus) -> str:
    """`ok · tolerates 1 more failure · 3 nodes ready · 2 elections in 24 h · clocks within 3 ms`."""
    voters = [member for member in found.members if member.voter]
    reachable = sum(member.reachable for member in voters)
    needed = len(voters) // 2 + 1
    parts = [found.health]
    if found.quorum:
        parts.append(f"tolerates {count(found.tolerates, 'more failure')}")
    else:
        parts.append(f"no quorum: {reachable} of {len(voters)} answer, {needed} are needed")
    ready = found.nodes.get("ready", 0)
    parts.append(f"{count(ready, 'node')} ready")
    parts += [
        f"{number} {state}" for state, number in found.nodes.items() if state != "ready" and number
    ]
    parts.append(f"{count(found.elections_24h, 'election')} in 24 h")
    if found.clock_spread_ms is not None:
        parts.append(f"clocks within {found.clock_spread_ms} ms")
    parts.append(_level(found))
    return " · ".join(parts)
