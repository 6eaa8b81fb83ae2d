"""Waiting for several tasks: one list, one watch; a line when one has ended, and the worst outcome as exit code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from coordinator.cli import exits, waits
from coordinator.cli.output import tell
from coordinator.cli.selection import Entry, exit_of, full_id, report, tell_refused
from coordinator.cli.session import Session
from coordinator.cli.task_texts import where
from coordinator.client.replies import EndedTask, Waited
from coordinator.client.requests import Condition, Filter
from coordinator.client.views import Answer, Task

if TYPE_CHECKING:
    from coordinator.client.waiting_many import ManyWait

_WORST = (
    exits.TASK_FAILED,
    exits.TASK_CANCELLED,
    exits.STAYED_UNASSIGNED,
    exits.NOT_FOUND,
    exits.TIME_RAN_OUT,
)


class ManyWaits:
    """One wait for what a selection means, or for several ids."""

    def __init__(self, session: Session, conditions: Sequence[Condition]) -> None:
        self._session = session
        self._conditions = conditions
        self._last: dict[str, str] = {}
        self._wait: ManyWait | None = None

    @property
    def revision(self) -> int:
        """What has been seen; 0 before that."""
        return self._wait.revision if self._wait is not None else 0

    def tell_revision(self) -> None:
        """After Ctrl-C."""
        tell(f"resume with: --after {self.revision}")

    async def named(self, ids: Sequence[str]) -> Filter:
        """The tasks of these ids or beginnings of ids. Raises NotFound."""
        names = list(dict.fromkeys(ids))
        there = {
            task.id
            async for page in self._session.client.pages(Filter(ids=names, include_finished=True))
            for task in page.tasks
        }
        full = [n if n in there else await full_id(self._session, n) for n in names]
        return Filter(ids=full, include_finished=True)

    async def run(self, chosen: Filter, *, any_one: bool) -> int:
        """The exit code: of several tasks the worst."""
        from coordinator.client.waiting_many import ManyWait

        self._wait = ManyWait(
            self._session.client,
            conditions=self._conditions,
            on_change=self._changed,
            on_end=self._ended,
        )
        found = await self._wait.run(chosen, any_one=any_one, timeout_s=self._session.left_s)
        if self._session.out.is_json:
            tasks = [one.task for one in found.ended if one.task is not None]
            self._session.out.listing("TaskList", found.answer, tasks, ())
        codes = [waits.exit_of_wait(_waited(one), self._conditions) for one in found.ended]
        return worst(codes) if codes else exits.OK

    def _changed(self, task: Task) -> None:
        """A line on stderr; the end of a task is told as its result."""
        text = where(task)
        before = self._last.get(task.id)
        self._last[task.id] = text
        if before not in (None, text) and not self._session.out.is_json and not task.is_finished:
            tell(f"{task.id}  {text}")

    def _ended(self, ended: EndedTask) -> None:
        if self._session.out.is_json:
            return
        if ended.task is None:
            self._session.out.write(f"{ended.id}  gone")
        else:
            waits.show_final(self._session, _waited(ended), self._conditions)
        self._session.out.flush()


def _waited(ended: EndedTask) -> Waited:
    gone = ended.status == "gone"
    return Waited(Answer(), ended.task, ended.met, gone, "gone" if gone else "")


def worst(codes: Sequence[int]) -> int:
    """Of several tasks the worst outcome."""
    return min(codes, key=lambda code: _WORST.index(code) if code in _WORST else len(_WORST))


def _end_line(ended: EndedTask) -> str:
    if ended.task is None or ended.status == "gone":
        return f"{ended.id}  gone"
    return waits.final_line(ended.task, ())


async def until_they_end(session: Session, entries: Sequence[Entry]) -> int:
    """Tell what was made, and how each ended; the exit code: of what was refused, else the worst outcome."""
    from coordinator.client.waiting_many import NAMED_MAX

    is_json = session.out.is_json
    for entry in () if is_json else entries:
        tell(entry.text) if entry.failure is None else tell_refused(entry, entry.failure)
    made = {entry.id: entry for entry in entries if entry.failure is None}
    names, codes = list(made), [exits.OK]
    for first in range(0, len(names), NAMED_MAX):
        part = names[first : first + NAMED_MAX]
        chosen = Filter(ids=part, include_finished=True)
        found = await session.client.wait_all(chosen, timeout_s=session.left_s)
        ended = {one.id: one for one in found.ended}
        for name in part:
            one = ended.get(name) or EndedTask(name, "gone", None, met=False)
            codes.append(waits.exit_of_wait(_waited(one)))
            made[name] = made[name]._replace(task=one.task, text=_end_line(one))
    report(session, [made.get(entry.id, entry) for entry in entries if is_json or entry.id in made])
    return exit_of(entries) or worst(codes)
