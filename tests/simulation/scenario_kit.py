"""A world in which nothing happens by chance but the pace of things: for scenarios that are told step by step."""

from __future__ import annotations

from collections.abc import Callable

from coordinator.machine.outcome import Accepted, Outcome
from coordinator.model.ids import TaskId
from coordinator.model.tasks import Task, TaskSpec
from coordinator.replica import effects as e
from coordinator.replica.inputs import Asked, Create, Wish
from tests.simulation.checkers.intervals import Interval
from tests.simulation.dials import Dials
from tests.simulation.member import Coordinator, MemberLife
from tests.simulation.timeline import MS, SECOND
from tests.simulation.world import World

R_MS, L_MS = 9_000, 6_000


class Told:
    """What a call was told; None until then."""

    def __init__(self) -> None:
        self.effect: e.Reply | e.Fail | e.ReadReady | None = None

    def __call__(self, effect: e.Reply | e.Fail | e.ReadReady) -> None:
        self.effect = effect

    @property
    def outcome(self) -> Outcome:
        assert isinstance(self.effect, e.Reply), self.effect
        return self.effect.outcomes[0]

    @property
    def failure(self) -> str:
        assert isinstance(self.effect, e.Fail), self.effect
        return self.effect.kind


class Scene(World):
    """Without faults, and without callers unless `clients` says so. Times are true seconds."""

    def __init__(
        self, members: int = 3, nodes: int = 3, clients: int = 0, seed: int = 1, **dials: int
    ) -> None:
        made = Dials(members=members, nodes=max(nodes, 1), clients=clients, **dials)  # type: ignore[arg-type]
        super().__init__(seed, made)
        if not nodes:
            self.nodes = []
        self.watchers = []
        self.begin()

    @property
    def now(self) -> float:
        return self.timeline.now / SECOND

    def pass_time(self, seconds: float) -> None:
        self.timeline.run(self.timeline.now + round(seconds * SECOND))

    def until(self, condition: Callable[[], object], within: float = 20.0) -> float:
        """Seconds that went by until it held."""
        began = self.now
        while not condition():
            assert self.now - began < within, f"not within {within} s"
            self.timeline.run(self.timeline.now + 10 * MS)
        return self.now - began

    # -- members ----------------------------------------------------------------------------------

    def leader(self) -> Coordinator:
        self.until(self.leader_number)
        return self.coordinators[self.leader_number()]

    def life(self, number: int) -> MemberLife:
        life = self.coordinators[number].life
        assert life is not None
        return life

    def leading(self) -> MemberLife:
        return self.life(self.leader().number)

    def part(self, *sides: tuple[str, ...]) -> None:
        """Those of different sides do not hear each other."""
        for side in sides:
            for other in sides:
                if side is not other:
                    self.network.cut((a, b) for a in side for b in other)

    def cut_node(self, name: str) -> None:
        everybody = [f"c{number}" for number in self.numbers]
        self.part((name,), tuple(everybody))

    def mend(self) -> None:
        self.network._cuts.clear()

    # -- callers ----------------------------------------------------------------------------------

    def ask(self, wish: Wish, *, at: int = 0, request_id: str = "") -> Told:
        told = Told()
        life = self.life(at) if at else self.leading()
        life.submit((Asked(wish, request_id, 7 if request_id else 0),), told)
        return told

    def wait_for(self, told: Told, within: float = 20.0) -> Told:
        self.until(lambda: told.effect is not None, within)
        return told

    def create(self, name: str, executor: str = "sim.steady", *, paused: bool = False) -> Outcome:
        """A task, once some node offers its executor."""
        self.until(lambda: executor in self.leading().replica.state.manifests)
        wish = Create(TaskId(name), executor, b"{}", TaskSpec(), paused)
        outcome = self.wait_for(self.ask(wish)).outcome
        assert isinstance(outcome, Accepted), outcome
        return outcome

    def task(self, name: str) -> Task:
        return self.leading().replica.state.tasks[TaskId(name)]

    def runs(self, name: str) -> list[Interval]:
        return [one for one in self.intervals.all if one.task_id == name]

    def running(self, name: str) -> Interval:
        """The run that is executing, once there is one."""
        open_ = self.intervals._open
        self.until(lambda: any(i.task_id == name for _, _, i in open_.values()), within=40)
        return next(i for _, _, i in open_.values() if i.task_id == name)
