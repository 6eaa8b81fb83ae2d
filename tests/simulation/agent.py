"""A node: machine, supervisor, agent (the product's NodeCore) and workers.

`NodePlace` is the machine with its data directory and supervisor; `AgentLife` is one incarnation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.client.node_values import Registration
from node import effects as ne
from node.core import NodeCore
from node.core_desk import CoreConfig
from node.frames import Start
from node.inputs import Input, ShutdownAsked, SupervisorBeat, Tick
from tests.simulation.clocks import Clock
from tests.simulation.session import NodeSession
from tests.simulation.timeline import MS, Life
from tests.simulation.workers import WorkerLife

if TYPE_CHECKING:
    from tests.simulation.world import World

BEAT = 250 * MS  # the supervisor's; every 100 ms in production, and fresh for 350

FIRST_BOOT, LATER_BOOTS = 10, 1_000


class NodePlace:
    """What outlives an agent: name, uid, counter, clock, supervisor."""

    def __init__(self, world: World, number: int, capacity: int, clock: Clock) -> None:
        self.world, self.name, self.capacity, self.clock = world, f"n{number}", capacity, clock
        self.uid = f"uid-{self.name}"
        self.dice = world.dice.split(self.name)
        self.counter = [0]  # in the data directory
        self.boot = FIRST_BOOT
        self.pid_namespace, self.machine = "host", self.name
        self._beside: list[NodePlace] = []  # doubles on this very machine, in containers
        self.agent: AgentLife | None = None
        self.supervised = False  # whether a supervisor runs
        self.feature_level = 1  # that its next agent says it can follow

    def double(self, where: str = "container") -> NodePlace:
        """The same data directory once more, under a supervisor that sees no process of this one.

        "container": beside it, in a process-id namespace of its own, and gone with the machine; "restored": an image
        of this machine from before its last boot; "elsewhere": a copy on a machine that booted later.
        """
        other = NodePlace(self.world, int(self.name[1:]), self.capacity, self.clock)
        other.counter = self.counter
        match where:
            case "restored":
                other.boot = self.boot - 1
            case "elsewhere":
                other.boot, other.machine = self.boot + LATER_BOOTS, f"copy of {self.name}"
            case _:
                self._beside.append(other)
                namespace = f"container {len(self._beside)}"  # no two of them see each other
                other.boot, other.pid_namespace, other.machine = self.boot, namespace, ""
        return other

    def boot_up(self) -> None:
        """`task-node` is started, unless it runs."""
        if not self.supervised:
            self.supervised = True
            self._next_agent()

    def _next_agent(self) -> None:
        if self.supervised and self.agent is None:
            self.counter[0] += 1
            self.agent = AgentLife(self)
            self.agent.open()

    def agent_ended(self, code: int) -> None:
        """The supervisor buries what is left and starts the next one, or ends as well."""
        self.agent = None
        if code in (ne.EXIT_ASKED, ne.EXIT_REMOVED):
            self.supervised = False
        if self.supervised:
            pause = self.dice.between(30 * MS, 700 * MS)
            self.world.timeline.after(pause, f"{self.name} supervisor", self._next_agent)

    def kill_agent(self) -> None:
        """SIGKILL: its workers follow by their death signal."""
        agent = self.agent
        if agent is not None:
            agent.die()
            self.agent_ended(-9)

    def kill_all(self, *, reboot: bool) -> None:
        """Everything of the node, until `boot_up`."""
        self.supervised = False
        if self.agent is not None:
            self.agent.die()
            self.agent = None
        if reboot:
            self.boot += 1
            for other in self._beside:
                other.kill_all(reboot=False)

    def freeze(self, until: int, *, workers: bool) -> None:
        """SIGSTOP of the agent, or of everything."""
        agent = self.agent
        if agent is None:
            return
        now = self.world.timeline.now
        lives: list[Life] = [agent, *(agent.workers.values() if workers else ())]
        for life in lives:
            if isinstance(life, WorkerLife) and life.frozen_until <= now:
                life.frozen_since = now
            life.frozen_until = max(until, life.frozen_until)

    def suspend(self, until: int) -> None:
        """The machine sleeps: kernel timers fire when it wakes, before any process goes on."""
        agent = self.agent
        if agent is not None:
            agent.asleep_until = max(until, agent.asleep_until)
            self.world.timeline.at(until, f"{self.name} wakes", agent.look_at_killer)
            self.freeze(until, workers=True)


class AgentLife(Life):
    """One incarnation: from the supervisor's fork to the end of the process."""

    def __init__(self, place: NodePlace) -> None:
        super().__init__()
        self.place = place
        self.timeline = place.world.timeline
        self.incarnation = f"{place.counter[0]}-{place.dice.bits(24):06x}"
        self.core = NodeCore(
            CoreConfig(
                incarnation=self.incarnation,
                units=2 * place.capacity,
                shutdown_grace_ms=place.dice.pick((500, 5_000)),
                orphan_limit_ms=place.dice.pick((8_000, 600_000)),
            )
        )
        self.workers: dict[int, WorkerLife] = {}
        self.session = NodeSession(self, self._registration())
        self.killer_at: int | None = None  # on the steady clock
        self.asleep_until = 0
        self._killer_due: int | None = None  # in true time, at the rate that the clock had then
        self._wake_due = -1
        self._known = False
        place.world.leases.born(self)

    def _registration(self) -> Registration:
        place = self.place
        return Registration(
            name=place.name,
            node_uid=place.uid,
            counter=place.counter[0],
            incarnation=self.incarnation,
            boot_id=f"boot-{place.boot}",
            machine=place.machine,
            pid_namespace=place.pid_namespace,
            boot_counter=place.boot,
            old_is_dead=True,
            attributes={},
            capacity=place.capacity,
            max_starting=50,
            version="sim",
            python="sim",
            feature_level=place.feature_level,
        )

    def open(self) -> None:
        self._do(self.core.open(self.place.clock.steady_ms()))
        self._beat()

    def offers_known(self) -> None:
        """The first worker has said what it offers: now the node registers."""
        if not self._known:
            self._known = True
            self.session.start()

    def shut_down(self) -> None:
        self.feed(ShutdownAsked())

    def die(self) -> None:
        """The process is gone, and its workers with it."""
        if not self.alive:
            return
        self.alive = False
        for worker in self.workers.values():
            if worker.alive:
                worker.end()
        self.session.cut_off()

    # -- the core ---------------------------------------------------------------------------------

    def feed(self, given: Input) -> None:
        if not self.alive:
            return
        effects = self.core.handle(given, self.place.clock.steady_ms())
        self._do(effects)
        if self.alive:
            self.place.world.leases.look(self)
            self._wake()

    def _wake(self) -> None:
        wake_at = self.core.wake_at
        if wake_at is None or self._wake_due == wake_at:
            return
        self._wake_due = wake_at
        when = self.place.clock.when(wake_at)

        def due() -> None:
            if self._wake_due == wake_at:
                self._wake_due = -1
                self.feed(Tick())

        self.timeline.at(when, f"{self.place.name} tick", due, self)

    def _beat(self) -> None:
        """The supervisor's byte."""
        self.feed(SupervisorBeat())
        self.timeline.after(BEAT, f"{self.place.name} beat", self._beat, self)

    def _do(self, effects: list[ne.Effect]) -> None:
        for effect in effects:
            match effect:
                case ne.StartWorker():
                    self.workers[effect.worker] = WorkerLife(self, effect.worker)
                case ne.KillWorker():
                    self.workers[effect.worker].kill()
                case ne.Tell():
                    if isinstance(effect.message, Start):
                        self.place.world.leases.telling(self, effect.message)
                    self.workers[effect.worker].tell(effect.message)
                case ne.ArmKiller():
                    self._arm(effect.at)
                case ne.Exit():
                    self._exit(effect)
                    return
                case ne.Settled():
                    pass
                case ne.Note():
                    self.timeline.say(f"{self.place.name} {effect.event} {effect.fields}")
                case _:
                    self.session.do(effect)

    def _exit(self, effect: ne.Exit) -> None:
        self.timeline.say(f"{self.place.name} exits: {effect.code} {effect.reason}")
        if effect.code == ne.EXIT_ASKED:
            self.session.finish()
        self.die()
        self.place.agent_ended(effect.code)

    # -- the kernel's timer -----------------------------------------------------------------------

    def _arm(self, at: int | None) -> None:
        self.killer_at = at
        if at is not None:
            self._wait_for_killer(self.place.clock.when(at))

    def _wait_for_killer(self, when: int) -> None:
        """An acceptance moves the instant on, and the event looks again; a clock that goes faster now brings it nearer."""
        if self._killer_due is not None and self._killer_due <= when:
            return
        self._killer_due = when

        def due() -> None:
            if self._killer_due == when:
                self._killer_due = None
            self.look_at_killer()

        self.timeline.at(when, f"{self.place.name} killer", due)

    def look_at_killer(self) -> None:
        """The kernel kills the agent, stopped or not, unless the machine sleeps."""
        if not self.alive or self.killer_at is None or self.timeline.now < self.asleep_until:
            return
        due = self.place.clock.when(self.killer_at)
        if due > self.timeline.now:
            self._wait_for_killer(due)
            return
        self.place.world.tally["killed by its kernel timer"] += 1
        self.die()
        self.place.agent_ended(-9)
