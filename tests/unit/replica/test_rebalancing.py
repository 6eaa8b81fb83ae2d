"""Rebalancing with the real replica: after nodes were restarted one by one, the last one is not left empty (PT-80)."""

from __future__ import annotations

from collections import Counter

from coordinator.machine.commands import DrainNode, SetSettings
from coordinator.model.tasks import RunOutcome, Status
from coordinator.replica import inputs as i
from coordinator.replica.sayings import EndedReport, NodeSaying, Report
from tests.unit.replica.kit import wish
from tests.unit.replica.world import FakeNode, World

TASKS = 1_000
CAPACITY = 300


def test_pt_80_a_rolling_restart_of_five_nodes_leaves_them_even() -> None:
    """1,000 tasks; in the end all five are within 20 % of one another, and no task was moved more than twice."""
    world = World(1)
    nodes = [Working(world, f"n{number}", CAPACITY) for number in range(5)]
    for one in nodes:
        one.register()
    for start in range(0, TASKS, 100):
        world.submit(*(wish(f"t{number:04}") for number in range(start, start + 100)))
    live(world, nodes, 1_000)
    for one in nodes:
        restart(world, nodes, one)
    before = runs(world)
    assert before["n4"] == 0
    assert max(before.values()) > 240
    switch_on(world)
    moves = follow(world, nodes)
    after = runs(world)
    assert sum(after.values()) == TASKS
    assert max(after.values()) - min(after.values()) <= 0.2 * CAPACITY
    assert max(moves.values()) <= 2
    assert sum(moves.values()) <= 220  # as many as the empty node lacked, and not one more round


class Working(FakeNode):
    """Starts what is wanted of it and stops what is not; all reports of a turn in one message."""

    def __init__(self, world: World, name: str, capacity: int) -> None:
        super().__init__(world, name, capacity)
        self.running: set[tuple[str, int]] = set()

    def work(self) -> None:
        self.listen()
        reports: list[Report] = []
        for task_id, run in sorted(self.wanted.items()):
            key = (task_id, run.allocation_id)
            if not run.stop_reason and key not in self.running:
                self.running.add(key)
                reports.append(self._report(key, "started"))
            elif run.stop_reason and key in self.running:
                self.running.discard(key)
                reports.append(self._report(key, "ended"))
        if reports:
            self.say(i.NodeSaid(self.session, NodeSaying(reports=tuple(reports))))

    def _report(self, key: tuple[str, int], kind: str) -> Report:
        self.number += 1
        ended = EndedReport(RunOutcome.ABORTED) if kind == "ended" else None
        return Report(self.number, *key, kind, 0, ended=ended)  # type: ignore[arg-type]


def live(world: World, nodes: list[Working], ms: int) -> None:
    for _ in range(ms // 250):
        world.run(250)
        for one in nodes:
            one.beat()
            one.work()


def restart(world: World, nodes: list[Working], one: Working) -> None:
    """Drained, gone when it is empty, and back as a new incarnation."""
    world.submit(DrainNode(one.name, "restart", "new kernel", "ann"))  # type: ignore[arg-type]
    for _ in range(200):
        if not one.wanted:
            break
        live(world, nodes, 250)
    assert not one.wanted
    one.close()
    one.counter += 1
    one.running.clear()
    one.register(old_is_dead=True)


def switch_on(world: World) -> None:
    values = (
        ("rebalance.cool_down", "1m"),
        ("rebalance.enable", "on"),
        ("rebalance.max_moves", "10"),
        ("rebalance.min_gain", "5%"),
    )
    world.outcomes(world.submit(SetSettings(values, (), "ann")))


def follow(world: World, nodes: list[Working]) -> Counter[str]:
    """How often each task was moved, until nothing moves any more."""
    moves: Counter[str] = Counter()
    where = {one.id: one.allocation_id for one in world.leader().replica.state.tasks_by_id()}
    quiet = 0
    while quiet < 80:  # 20 s, and more than the minute of calm at the beginning
        live(world, nodes, 250)
        state = world.leader().replica.state
        changed = [one for one in state.tasks_by_id() if where[one.id] != one.allocation_id]
        for one in changed:
            if one.status is Status.RUNNING:
                moves[one.id] += 1
                where[one.id] = one.allocation_id
        quiet = 0 if changed or not moves else quiet + 1
    return moves


def runs(world: World) -> Counter[str]:
    state = world.leader().replica.state
    return Counter({str(name): state.use_of(name).runs for name in state.nodes})
