"""`taskctl cluster upgrade`: raise the feature level once everybody runs the new release (EX-78)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from coordinator.cli import exits
from coordinator.cli.changing import change_flags, change_of
from coordinator.cli.lazy import Verb
from coordinator.cli.output import tell
from coordinator.cli.session import session_of

if TYPE_CHECKING:
    from coordinator.client.cluster_views import Upgraded


@click.command("upgrade", cls=Verb)
@change_flags
@click.pass_context
def upgrade(ctx: click.Context, /, **flags: Any) -> int:
    """Raise the feature level as far as every coordinator and node can follow. There is no way back.

    With --dry-run: who cannot follow yet; exits 0 when it could be raised or is as high as it gets, else 14.
    """
    session = session_of(ctx)
    session.doing = "cluster upgrade"
    change = change_of(flags)()
    session.guard_change(dry_run=change.dry_run)

    async def work() -> int:
        found = await session.client.cluster.upgrade(change)
        view = {
            "feature_level": found.level,
            "possible": found.possible,
            "highest": found.highest,
            "blockers": found.blockers,
        }
        lines = [summary(found, dry_run=change.dry_run), *map(_line, found.blockers)]
        session.out.single(
            "Upgrade", found.answer, view, str(found.level), lambda: "\n".join(lines)
        )
        if change.dry_run and session.out.is_table:
            tell("dry run: nothing was done")
        is_held_up = found.blockers and found.possible <= found.level
        return exits.TROUBLE_FOUND if change.dry_run and is_held_up else exits.OK

    return session.run(work)


def summary(found: Upgraded, *, dry_run: bool) -> str:
    """One line on what was done, or would be."""
    if dry_run and found.possible > found.level:
        text = f"feature level {found.level} is in force, {found.possible} is possible"
    elif found.unchanged and found.level == found.highest:
        return f"feature level {found.level} is in force; no coordinator knows a higher one"
    else:
        text = f"feature level {found.level} is in force"
    if found.blockers:
        text += f"; {found.highest} has to wait for those that cannot follow"
    return text


def _line(one: Any) -> str:
    kind = "coordinator" if one.kind == "member" else one.kind
    if not one.supports:
        return f"  {kind} {one.name}: not heard of; start it, or take it out of the cluster"
    release = f" (release {one.version})" if one.version else ""
    return f"  {kind} {one.name}{release}: supports {one.supports}; start it with the new release"
