"""Whatever happens in whatever order, what must always hold of a node does hold."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.client.node_values import WantedRun, runs_digest
from node.core_runs import CODE_MAY_RUN
from node.core_table import Local
from node.effects import Exit, SendReports
from node.inputs import ShutdownAsked
from tests.unit.node.core_kit import CoreKit, wanted

WORDS = (
    *("want", "stop", "gone", "start", "end", "write", "kill"),
    *("beat", "accept", "answer", "lose", "open", "close", "wait"),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(WORDS),
        st.integers(0, 3),
    ),
    max_size=80,
)


class World:
    """Takes random steps; knows only what a leader and workers would know."""

    def __init__(self) -> None:
        self.kit = CoreKit(units=6, max_starting=3, orphan_limit_ms=2_000)
        self.is_open = False
        self.named: dict[str, int] = {}
        self.last_id = 0
        self.step("open", 1)

    def step(self, what: str, pick: int) -> None:
        if what == "wait":
            self.kit.after((20, 150, 400, 1_200)[pick])
        elif what == "beat":
            self.kit.beat()
        elif what in ("start", "end", "write", "kill"):
            self.work(what, pick)
        elif what == "open" and not self.is_open:
            self.is_open = True
            self.kit.open_session(*map(self.entry, self.named), accept=bool(pick % 2))
        elif self.is_open:
            self.lead(what, f"t{pick}")

    def lead(self, what: str, task_id: str) -> None:
        kit = self.kit
        match what:
            case "want":
                self.last_id += 1
                self.named[task_id] = self.last_id
                kit.want(self.entry(task_id))
            case "stop" if task_id in self.named:
                kit.want(self.entry(task_id, stop=True, stop_reason="move"))
            case "gone":
                self.named.pop(task_id, None)
                kit.want(gone=[task_id])
            case "close":
                self.is_open = False
                kit.close_session()
            case "accept" if kit.core.lease.sequence:
                kit.accept()
            case "answer" | "lose":
                for report in kit.reports:
                    kit.answer(report, "" if what == "answer" else "overloaded")
                kit.effects = [e for e in kit.effects if not isinstance(e, SendReports)]
            case _:
                pass

    def work(self, what: str, pick: int) -> None:
        kit = self.kit
        executing = [run.allocation_id for run in kit.core.runs.executing()]
        if not executing:
            return
        run = executing[pick % len(executing)]
        if what == "start" and kit.core.runs.by_id[run].state is Local.STARTING:
            kit.started(run)
        elif what == "end":
            kit.ended(run, "failed")
        elif what == "write":
            kit.wrote(run, 1)
        elif what == "kill":
            kit.worker_died(kit.worker_of(run))

    def entry(self, task_id: str, **more: object) -> WantedRun:
        number = int(task_id[1:])
        isolation = "process" if number == 3 else "shared"
        return wanted(
            task_id,
            self.named[task_id],
            exclusive=number % 2 == 0,
            isolation=isolation,
            cost=number + 1,
            **more,
        )

    def check(self) -> None:
        runs, fleet = self.kit.core.runs, self.kit.core.fleet
        executing = list(runs.executing())
        tasks = [run.wanted.task_id for run in executing]
        assert len(tasks) == len(set(tasks)), "PT-55: one run of a task at a time"
        assert all(run.state in CODE_MAY_RUN for run in executing)
        assert runs.units_used == sum(run.wanted.cost for run in executing) <= 6
        assert runs.starting == sum(run.state is Local.STARTING for run in executing) <= 3
        kept = [run for run in runs.by_id.values() if run.state is not Local.SETTLED]
        assert runs.digest == runs_digest((r.wanted.task_id, r.allocation_id) for r in kept)
        for worker in fleet.workers.values():
            assert len({run.wanted.exclusive for run in worker.runs.values()}) <= 1
        self.check_lease()

    def check_lease(self) -> None:
        kill_at, fleet = self.kit.core.lease.kill_at, self.kit.core.fleet
        for worker in fleet.workers.values():
            if worker.is_exclusive and kill_at is not None and self.kit.now >= kill_at:
                assert worker.is_killed, "L2: nothing exclusive goes on after 0.9 L"
        for run in self.kit.core.runs.executing():
            if run.wanted.exclusive:
                assert fleet.workers[run.worker or 0].is_exclusive


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_invariants_hold_after_every_step(steps: list[tuple[str, int]]) -> None:
    world = World()
    for what, pick in steps:
        world.step(what, pick)
        world.check()


@settings(max_examples=50, deadline=None)
@given(STEPS)
def test_a_node_that_is_told_to_leave_always_leaves(steps: list[tuple[str, int]]) -> None:
    world = World()
    for what, pick in steps:
        world.step(what, pick)
    kit = world.kit
    kit.give(ShutdownAsked())
    kit.give(ShutdownAsked())
    kit.after(60_000)
    for worker in list(kit.core.fleet.workers):
        kit.worker_died(worker)
    kit.after(60_000)
    assert not any(kit.core.runs.executing())
    assert kit.all(Exit)
