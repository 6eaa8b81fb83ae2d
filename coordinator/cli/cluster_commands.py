"""`taskctl cluster`: the coordinators, their health, the replicated settings."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import click

from coordinator.cli import exits
from coordinator.cli.changing import change_flags, change_of
from coordinator.cli.completing import complete
from coordinator.cli.flags import DURATION
from coordinator.cli.lazy import Entry, LazyGroup, Verb
from coordinator.cli.output import tell
from coordinator.cli.session import Session, session_of
from coordinator.cli.texts import count

if TYPE_CHECKING:
    from coordinator.client.health_views import Health

_HERE = "coordinator.cli.cluster_commands"
_SETTINGS = "coordinator.cli.settings_commands"
_STATUS = "coordinator.cli.cluster_status"
_MEMBERS = "coordinator.cli.member_commands"
_UPGRADE = "coordinator.cli.upgrade_command"
_LIMITS = "coordinator.cli.limit_commands"
_SNAPSHOT = "coordinator.cli.snapshot_commands"
_CAPACITY = "coordinator.cli.capacity_command"
_STATE = "coordinator.cli.state_command"
_EVENTS = "coordinator.cli.events_command"
cluster = LazyGroup(
    name="cluster",
    help="The cluster itself.",
    entries={
        "status": Entry(_STATUS, "status", "What each member says; works without a quorum."),
        "health": Entry(_HERE, "health", "ok, or what is wrong; the exit code tells."),
        "capacity": Entry(
            _CAPACITY, "capacity", "What the nodes can do, and what is asked of them."
        ),
        "state": Entry(_STATE, "state", "The replicated state as JSON, or the part at a path."),
        "events": Entry(_EVENTS, "events", "What operators and code changed, and why."),
        "members": Entry(_STATUS, "members", "The coordinators as the leader knows them."),
        "add": Entry(_MEMBERS, "add", "Add a coordinator: NAME=ADDRESS."),
        "remove": Entry(_MEMBERS, "remove", "Remove a coordinator for good."),
        "replace": Entry(_MEMBERS, "replace", "One coordinator in the place of another."),
        "transfer-leader": Entry(_MEMBERS, "transfer_leader", "Have another coordinator lead."),
        "settings": Entry(_SETTINGS, "settings", "All replicated settings."),
        "set": Entry(_SETTINGS, "set_settings", "Change settings: K=V."),
        "unset": Entry(_SETTINGS, "unset", "Give settings their default again."),
        "recheck": Entry(_HERE, "recheck", "Look again at tasks without a node."),
        "upgrade": Entry(_UPGRADE, "upgrade", "Raise the feature level, for good."),
        "rebalance": Entry(_LIMITS, "rebalance", "What would move to even out the nodes."),
        "snapshot": Entry(_SNAPSHOT, "snapshot", "Backups: save."),
    },
)

LOOK_S = 0.25


@click.command("health", cls=Verb)
@click.option("--for", "stay", type=DURATION, help="Exit 0 once it has stayed ok for so long.")
@click.pass_context
def health(ctx: click.Context, stay: int | None) -> int:
    """0 when ok, 14 when something is wrong, 6 without a quorum."""
    session = session_of(ctx)
    session.doing = "cluster health"
    if stay is not None:
        return session.run(lambda: _stay(session, stay))

    async def work() -> int:
        found = await session.client.cluster.health()
        _show(session, found)
        return exits.OK if found.health == "ok" else exits.TROUBLE_FOUND

    return session.run(work)


def _show(session: Session, found: Health, text: str = "") -> None:
    """In words with all figures, or with this text alone."""
    from coordinator.cli.health_texts import health_text
    from coordinator.client.health_views import health_fields

    fields = health_fields(found)
    session.out.single(
        "CheckList",
        found.answer,
        fields,
        found.health,
        lambda: text or health_text(found, found.health),
    )


async def _stay(session: Session, stay_ms: int) -> int:
    """Look often; the clock starts anew at every trouble. Raises TimedOut at the limit given."""
    from coordinator.cli.texts import lasted
    from coordinator.client.errors import TimedOut

    since: float | None = None
    said = ""
    try:
        async with asyncio.timeout(session.left_s):
            while True:
                found, told = await _look(session)
                now = time.monotonic()
                since = (since or now) if found is not None and found.health == "ok" else None
                if told != said and not session.out.is_json:
                    tell(told)
                said = told
                if found is not None and since is not None and (now - since) * 1000 >= stay_ms:
                    _show(session, found, f"ok for {lasted(stay_ms).replace('.0 s', ' s')}")
                    return exits.OK
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        raise TimedOut(f"not ok for that long; last seen: {said}", reason="timed_out") from None


async def _look(session: Session) -> tuple[Health | None, str]:
    from coordinator.client.errors import TimedOut, Unavailable

    try:
        found = await session.client.cluster.health()
    except (Unavailable, TimedOut) as error:
        return None, f"{error.reason}: {error.message}"
    details = "; ".join(f"{one.rule}: {one.text}" for one in found.findings)
    return found, f"{found.health}{': ' if details else ''}{details}"


@click.command("recheck", cls=Verb)
@click.argument("ids", nargs=-1, shell_complete=complete("tasks"))
@change_flags
@click.pass_context
def recheck(ctx: click.Context, /, ids: tuple[str, ...], **flags: Any) -> int:
    """Have the leader look again at tasks without a node, all of them or those named."""
    session = session_of(ctx)
    session.doing = "cluster recheck"
    change = change_of(flags)()
    session.guard_change(dry_run=change.dry_run)

    async def work() -> int:
        done = await session.client.cluster.recheck(ids, change)
        left = f"{count(done.unassigned, 'task')} without a node"
        view = {"unassigned": done.unassigned}
        session.out.single("Check", done.answer, view, str(done.unassigned), lambda: left)
        return exits.OK

    return session.run(work)
