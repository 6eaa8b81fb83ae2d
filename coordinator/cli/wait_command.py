"""`taskctl wait`: until every task (--any: one) meets a condition or has ended; the exit code tells (EX-11)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import click

from coordinator.cli import exits, waits
from coordinator.cli.completing import complete
from coordinator.cli.failures import Failure, usage
from coordinator.cli.flags import DURATION
from coordinator.cli.lazy import Verb
from coordinator.cli.output import tell
from coordinator.cli.selection import (
    by_prefix,
    filter_of,
    ids_of,
    refuse_both,
    selection_flags,
    selection_of,
)
from coordinator.cli.session import Session, session_of
from coordinator.cli.task_texts import placement_note
from coordinator.cli.waits_many import ManyWaits, worst
from coordinator.client.replies import Waited
from coordinator.client.requests import Condition


@click.command("wait", cls=Verb)
@click.argument("ids", nargs=-1, shell_complete=complete("tasks"))
@selection_flags
@click.option(
    "--for",
    "conditions",
    multiple=True,
    metavar="COND",
    help="terminal, run, gone, state, revision>=N, any status, or PATH OP VALUE as in state.tick>=10."
    "  [default: run of a recurring task, else terminal]",
)
@click.option("--any", "one_is_enough", is_flag=True, help="End when one task meets a condition.")
@click.option(
    "--give-up-unassigned", type=DURATION, help="Exit 12 when a task had no node for so long."
)
@click.option(
    "--after",
    type=click.IntRange(0),
    default=0,
    metavar="REV",
    help="Tell of changes after this revision.",
)
@click.pass_context
def wait(ctx: click.Context, /, **flags: Any) -> int:
    """Wait for tasks; 0 met or succeeded, 10 failed, 11 cancelled, 12 stayed unassigned, 7 time ran out."""
    from coordinator.client.conditions import parse_condition

    session = session_of(ctx)
    selection = selection_of(flags.pop("ids"), flags)
    session.doing = f"wait {' '.join(selection.ids[:3])}".strip()
    refuse_both(session, selection)
    try:
        conditions = [parse_condition(text) for text in flags["conditions"]]
    except ValueError as error:
        raise usage(f"--for: {error}") from None
    give_up = flags["give_up_unassigned"]
    waiting = Waiting(
        session, conditions, None if give_up is None else give_up / 1000, flags["after"]
    )

    many = ManyWaits(session, conditions)

    async def work() -> int:
        if selection.is_filter and give_up is None:
            chosen = filter_of(selection)
            return await many.run(chosen, any_one=flags["one_is_enough"])
        ids = await ids_of(session, selection)
        if len(ids) > 1 and give_up is None and not flags["after"]:
            named = await many.named(ids)
            return await many.run(named, any_one=flags["one_is_enough"])
        return await waiting.run(ids, any_one=flags["one_is_enough"])

    try:
        return session.run(work)
    except KeyboardInterrupt:
        (many if many.revision else waiting).tell_revision()
        return exits.INTERRUPTED


class Waiting:
    """One wait for one or several tasks; knows the last revision seen, for whoever goes on later."""

    def __init__(
        self,
        session: Session,
        conditions: Sequence[Condition],
        give_up_s: float | None,
        after_revision: int,
    ) -> None:
        self._session = session
        self._conditions = conditions
        self._give_up_s = give_up_s
        self._after = after_revision
        self._followers: list[waits.Follower] = []
        self._ended: dict[str, Waited] = {}
        self._is_list = False

    def tell_revision(self) -> None:
        """After Ctrl-C."""
        revision = max((one.revision for one in self._followers), default=0)
        if revision:
            tell(f"resume with: --after {revision}")

    async def run(self, ids: Sequence[str], *, any_one: bool) -> int:
        """The exit code: of several the worst."""
        if not ids:
            return exits.OK
        if len(ids) == 1:
            return await self._one(ids[0])
        self._is_list = self._session.out.is_json
        waiting = [asyncio.ensure_future(self._one(task_id)) for task_id in ids]
        until = asyncio.FIRST_COMPLETED if any_one else asyncio.ALL_COMPLETED
        try:
            await asyncio.wait(waiting, return_when=until)
            self._show_list(ids)
            return worst([future.result() for future in waiting if future.done()])
        finally:
            for future in waiting:
                future.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    def _show_list(self, ids: Sequence[str]) -> None:
        """Of several tasks one JSON value, even where another one's error ends the wait."""
        if self._is_list:
            replies = [self._ended[name] for name in ids if name in self._ended]
            answer = max((one.answer for one in replies), key=lambda a: a.revision, default=None)
            tasks = [one.task for one in replies if one.task is not None]
            self._session.out.listing("TaskList", answer, tasks, ())

    async def _one(self, task_id: str) -> int:
        follower = waits.Follower(self._session, self._after)
        self._followers.append(follower)

        async def follow(full: str) -> Waited:
            return await waits.follow(
                self._session, full, self._conditions, give_up_s=self._give_up_s, follower=follower
            )

        try:
            reply = await by_prefix(self._session, task_id, follow)
        except waits.StayedUnassigned as stayed:
            raise _stayed(task_id, stayed) from None
        self._ended[task_id] = reply
        if not self._is_list:
            waits.show_final(self._session, reply, self._conditions, task_id)
        return waits.exit_of_wait(reply, self._conditions)


def _stayed(task_id: str, stayed: waits.StayedUnassigned) -> Failure:
    return Failure(
        f"wait {task_id}: stayed unassigned: {placement_note(stayed.task)}",
        why="no node took it for as long as --give-up-unassigned allows",
        hint=f"taskctl explain {task_id}",
        exit_code=exits.STAYED_UNASSIGNED,
        reason="unassigned",
    )
