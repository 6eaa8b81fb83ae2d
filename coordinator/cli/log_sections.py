"""`taskctl logs` of runs that have ended or go on: current and previous sections, each under its attempt (TM-71)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coordinator.cli.failures import usage
from coordinator.cli.log_lines import Lines
from coordinator.cli.output import tell
from coordinator.cli.session import Session
from coordinator.cli.texts import count

if TYPE_CHECKING:
    from coordinator.client.run_story import Section
    from coordinator.client.views import LogLine, Run, Task

RUNS_LOOKED_AT = 200
LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which runs, and which of their lines. No number: the latest run; `previous`: with those before it."""

    allocation: int = 0
    attempt: int = 0
    previous: bool = False
    level: str = ""
    since_at: int = 0


async def show_sections(session: Session, task_id: str, wanted: Wanted, lines: Lines) -> bool:
    """False where nothing has run yet, or no run is known any more. Raises NotFound, Failure."""
    from coordinator.client.run_story import sections_of

    runs, task = await _known(session, task_id, wanted.allocation)
    if not runs:
        return False
    sections = sections_of(runs, task)
    shown = _chosen(sections, wanted, task_id)
    for section in shown:
        if len(shown) > 1 or wanted.previous:
            lines.heading(heading(section))
        await _show(session, task_id, section, wanted, lines)
    earlier = len(sections) - len(shown)
    if earlier and not wanted.allocation and not wanted.attempt and session.out.is_table:
        tell(f"{count(earlier, 'earlier run')}: taskctl logs {task_id} --previous")
    return True


def heading(section: Section) -> str:
    """`-- current: attempt 2, allocation 41 on n1`."""
    whose = "current" if section.is_current else "previous"
    run = section.run
    where = f", allocation {run.allocation_id} on {run.node}" if run is not None else ", not yet"
    return f"-- {whose}: attempt {section.attempt}{where}"


async def _known(session: Session, task_id: str, allocation: int) -> tuple[list[Run], Task | None]:
    from coordinator.client.errors import NotFound

    client, read = session.client, session.read
    runs = (await client.runs(task_id, limit=RUNS_LOOKED_AT, read=read)).runs
    if allocation and all(run.allocation_id != allocation for run in runs):
        return [(await client.run(task_id, allocation, read=read)).run], None
    try:
        return runs, (await client.get(task_id, read=read)).task
    except NotFound:
        return runs, None


def _chosen(sections: list[Section], wanted: Wanted, task_id: str) -> list[Section]:
    if wanted.previous:
        return sections
    if wanted.allocation:
        numbers = [section.run.allocation_id if section.run else 0 for section in sections]
        return [sections[numbers.index(wanted.allocation)]]
    if not wanted.attempt:
        return sections[-1:]
    found = [section for section in sections if section.attempt == wanted.attempt]
    if not found:
        attempts = ", ".join(sorted({str(section.attempt) for section in sections}))
        raise usage(f"logs {task_id}: no attempt {wanted.attempt} is known, only {attempts}")
    return found[-1:]


async def _show(
    session: Session, task_id: str, section: Section, wanted: Wanted, lines: Lines
) -> None:
    def show(some: list[LogLine]) -> None:
        from coordinator.client.run_story import chosen

        for line in chosen(some, wanted.level, wanted.since_at, LEVELS):
            lines.show(line)

    show(section.opening)
    if section.run is not None:
        of_it = replace(wanted, allocation=section.run.allocation_id)
        await show_run(session, task_id, of_it, lines, follow=False)
    show(section.closing)


async def show_run(
    session: Session, task_id: str, wanted: Wanted, lines: Lines, *, follow: bool
) -> None:
    """Write the lines of one run as they come."""
    batches = session.client.logs(
        task_id,
        allocation_id=wanted.allocation,
        follow=follow,
        level=wanted.level,
        since_at=wanted.since_at,
    )
    async for some, dropped in batches:
        lines.dropped = max(lines.dropped, dropped)
        for line in some:
            lines.show(line)
