"""The end of a run: all faults heal, and then within a minute everything has to be well (spec 4, liveness)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from coordinator.machine.commands import (
    PauseTask,
    RemoveLimit,
    RemoveMember,
    SetSettings,
    UndrainNode,
)
from coordinator.model.ids import NodeName
from coordinator.model.nodes import NodeStatus
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Code, Desired, Status, Task
from coordinator.replica.inputs import Asked, Submit
from tests.simulation import final
from tests.simulation.laws import Broken
from tests.simulation.member import MemberLife
from tests.simulation.membership_faults import start_newcomers
from tests.simulation.node_faults import NOBODY
from tests.simulation.timeline import MS, SECOND

if TYPE_CHECKING:
    from tests.simulation.world import World

PATIENCE = 60 * SECOND
LOOK = 500 * MS
FIRING = 6 * SECOND  # so long series go on without faults


class Settling:
    """Heals the world and waits for it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._timeline = world.timeline
        self._series_until = world.timeline.now + FIRING

    def run(self, last_step: int = 0) -> None:
        """Raises Broken: not well in time, or the histories do not hold."""
        self._heal()
        deadline = self._timeline.now + PATIENCE
        self._timeline.run(self._timeline.now + 2 * SECOND, last_step)
        while True:
            if last_step and self._timeline.step >= last_step:
                return
            self._repair()
            missing = next(self._missing(), None)
            if missing is None:
                break
            if self._timeline.now >= deadline:
                raise Broken("liveness", f"after a minute without faults: {missing}")
            self._timeline.run(self._timeline.now + LOOK, last_step)
        final.check(self._world)

    def _heal(self) -> None:
        world = self._world
        world.closing = True
        world.faults.stop()
        world.network.heal()
        now = self._timeline.now
        for place in world.coordinators.values():
            place.slow_until = place.full_until = now
            place.fail_next = False
            place.clock.run_at(0)
            if place.life is not None:
                place.life.die_after = -1
                place.life.frozen_until = now
            place.start()
        for node in world.nodes:
            node.clock.run_at(0)
            node.boot_up()
            agent = node.agent
            if agent is not None:
                agent.asleep_until = now
                agent.look_at_killer()
                for life in (agent, *agent.workers.values()):
                    life.frozen_until = now

    def _repair(self) -> None:
        """What an operator would do by now: members started, nodes undrained and back, assignment on."""
        world = self._world
        for place in world.coordinators.values():
            place.start()
        for node in world.nodes:
            node.boot_up()
        number = world.leader_number()
        life = world.coordinators[number].life if number else None
        if life is None:
            return
        state = life.replica.state
        self._tell_removed(state)
        start_newcomers(world, life)
        drained = [n.name for n in state.nodes_by_name() if n.drain is not None]
        wishes = [Asked(UndrainNode(NodeName(name))) for name in drained]
        change = state.member_change
        if change is not None and self._world.coordinators[change.joining or 1].gone:
            wishes.append(Asked(RemoveMember(change.joining)))
        wishes += [Asked(RemoveLimit(*where)) for where in sorted(state.limit_overrides)]
        if self._timeline.now >= self._series_until and not self._unanswered():
            wishes += [Asked(PauseTask(task.id)) for task in _firing(state)]
        if not state.settings.assignment_enabled:
            wishes.append(Asked(SetSettings((("assignment.enable", "all"),))))
        if wishes:
            life.pump.feed(Submit(NOBODY, tuple(wishes)))

    def _tell_removed(self, state: ClusterState) -> None:
        """Whoever knocks and is no member any more is told, and marks its directory (M4)."""
        for number, place in self._world.coordinators.items():
            if number not in state.members and place.gone != "removed":
                place.kill()
                place.gone = "removed"

    # -- what is still missing ----------------------------------------------------------------------

    def _missing(self) -> Iterator[str]:
        """The first thing that is not well."""
        lives = [p.life for p in self._world.coordinators.values() if p.life is not None]
        leaders = [life for life in lives if life.replica.is_leader]
        if len(leaders) != 1:
            yield f"{len(leaders)} leaders"
            return
        state = leaders[0].replica.state
        yield from self._members(lives, state)
        yield from self._unanswered()
        if any(life.tickets for life in lives):
            yield "a ticket waits"
        for node in self._world.nodes:
            record = state.nodes.get(NodeName(node.name))
            if record is None or record.status is not NodeStatus.READY or record.drain is not None:
                yield f"{node.name} is {record}"
        for task in _firing(state):
            yield f"{task.id} is not paused yet: {task.series}"
        yield from self._tasks(state)

    def _unanswered(self) -> list[str]:
        operations = [client.operation for client in self._world.clients]
        return [f"unanswered: {one}" for one in operations if one is not None]

    def _members(self, lives: list[MemberLife], state: ClusterState) -> Iterator[str]:
        for life in lives:
            if life.replica.state.revision != state.revision:
                yield f"{life.name} is at {life.replica.state.revision}, not {state.revision}"
        if state.member_change is not None:
            yield f"under way: {state.member_change}"
        for place in self._world.coordinators.values():
            if place.life is None and not place.gone:
                yield f"{place.name} does not run"

    def _tasks(self, state: ClusterState) -> Iterator[str]:
        """Every task is placed for which there is room."""
        free = max(
            (node.units - state.use_of(node.name).units for node in state.nodes_by_name()),
            default=0,
        )
        for task in state.tasks_by_id():
            if task.status in (Status.STOPPING, Status.ASSIGNED):
                yield f"{task.id}#{task.allocation_id} is still {task.status}"
            elif task.status is Status.UNASSIGNED and free >= task.policy.cost:
                waits = task.assignment.code is Code.AWAITING_INPUT or any(
                    state.limit_runs.get(limit.key, 0) >= limit.max for limit in task.limits
                )
                if not waits:
                    yield f"{task.id} is not placed: {task.assignment}, {free} units free"


def _firing(state: ClusterState) -> list[Task]:
    """Series that go on: as long as they do, nothing comes to rest."""
    found = (task for task in state.tasks_by_id() if task.series is not None)
    return [t for t in found if not t.is_terminal and t.desired is Desired.RUNNING]
