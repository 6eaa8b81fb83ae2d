"""A whole cluster from one seed: members, nodes, callers, faults, and the laws that look on. No real time, no chance
but the dice.

`World(seed, dials).run()` lives through the faults, then heals everything and waits until all is well.
"""

from __future__ import annotations

from coordinator.codec.framing import framed
from coordinator.codec.snapshots import encode, freeze
from coordinator.consensus.messages import ConfState, Snapshot
from coordinator.model.members import MemberRecord
from coordinator.model.settings import SettingValue
from coordinator.model.state import ClusterState
from coordinator.replica.inputs import Input
from tests.simulation.agent import NodePlace
from tests.simulation.clients import Client
from tests.simulation.clocks import Clock
from tests.simulation.dials import Dials
from tests.simulation.dice import Dice
from tests.simulation.disk import Disk
from tests.simulation.executors import PLUGINS_KNOWN
from tests.simulation.faults import Faults
from tests.simulation.history import History, Operation
from tests.simulation.laws import Tally
from tests.simulation.lease_laws import Intervals, LeaseLaws
from tests.simulation.member import Coordinator, MemberLife
from tests.simulation.network import Network
from tests.simulation.observer import Observer
from tests.simulation.plugins import Plugins
from tests.simulation.session import Stream
from tests.simulation.settling import Settling
from tests.simulation.timeline import MS, SECOND, Timeline
from tests.simulation.watchers import Watcher

WALL = 1_700_000_000 * SECOND
CLOCKS_CHANGE = (  # seconds since 1970: London, New York and Lord Howe, forth and back
    *(1_711_846_800, 1_698_541_200, 1_710_054_000, 1_699_164_000, 1_696_087_800, 1_712_415_600),
)
SHORT_LEASES = (("nodes.lease", "2s"), ("nodes.reassign_after", "3s"), ("nodes.heartbeat", "200ms"))


class World:
    """Everything of one seed."""

    def __init__(self, seed: int, dials: Dials) -> None:
        self.seed, self.dials = seed, dials
        self.dice = Dice(seed, "world")
        self.wall = WALL if not dials.era else (CLOCKS_CHANGE[dials.era - 1] - 30) * SECOND
        self.timeline = Timeline()
        self.tally = Tally()
        self.network = Network(self.timeline, dials, self.dice.split("network"), self.tally)
        self.history = History()
        self.closing = False  # callers end what they began and begin nothing
        founders = tuple(range(1, dials.members + 1))
        self.plugins_known = PLUGINS_KNOWN
        self.plugins = Plugins(self)
        self.laws = Observer(self)
        self.leases = LeaseLaws(self)
        self.intervals = Intervals(self)
        self.streams: list[Stream] = []
        self.storage_ids = {number: f"storage-{number}" for number in founders}
        self.addresses = {f"127.0.0.1:{7_100 + number}": number for number in founders}
        self.coordinators = {n: self._founder(n, founders) for n in founders}
        sizes = self.dice.split("sizes")
        self.nodes = [
            NodePlace(self, n, sizes.between(3, 9), self._clock(f"n{n}"))
            for n in range(1, dials.nodes + 1)
        ]
        self.clients = [Client(self, n) for n in range(1, dials.clients + 1)]
        self.watchers = [Watcher(self, n) for n in (1, 2)]
        self.faults = Faults(self)

    # -- making -----------------------------------------------------------------------------------

    def _clock(self, name: str) -> Clock:
        """Steady clocks start anywhere; wall clocks are up to 2 s apart."""
        dice = self.dice.split(f"clock/{name}")
        steady = dice.between(10 * SECOND, 10**6 * SECOND)
        return Clock(
            self.timeline, steady, self.wall + self.timeline.now + dice.between(-SECOND, SECOND)
        )

    def _founder(self, number: int, founders: tuple[int, ...]) -> Coordinator:
        data = b"".join(framed(encode(freeze(self._founding(founders)))))
        return self._coordinator(number, Snapshot(1, 1, ConfState(founders), data))

    def newcomer(self, number: int, address: str) -> Coordinator:
        """A place for a member that was added: its directory is empty."""
        self.storage_ids[number] = f"storage-{number}"
        self.addresses[address] = number
        place = self.coordinators[number] = self._coordinator(number, Snapshot(0, 0))
        place.start()
        return place

    def _coordinator(self, number: int, snapshot: Snapshot) -> Coordinator:
        disk = Disk(snapshot, self.storage_ids[number])
        self.laws.consensus.disks[number] = disk
        return Coordinator(self, number, disk, self._clock(f"c{number}"))

    def _founding(self, founders: tuple[int, ...]) -> ClusterState:
        state = ClusterState()
        state.cluster_id, state.revision, state.at = "sim", 1, self.wall // 1_000 - 3_600_000
        for number in founders:
            name, address = f"c{number}", f"127.0.0.1:{7_100 + number}"
            record = MemberRecord(number, name, address, self.storage_ids[number])
            state.put_member(record)
        if self.dials.short_leases:
            for key, value in SHORT_LEASES:
                state.settings.values[key] = SettingValue(value, "sim", state.at)
        return state

    # -- living -----------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start every process; nothing has happened yet."""
        for place in self.coordinators.values():
            place.start()
        for node in self.nodes:
            node.boot_up()
        for client in self.clients:
            client.start()
        for watcher in self.watchers:
            watcher.start()

    def run(self, last_step: int = 0) -> None:
        """Live through the faults and settle. Raises Broken, saying which law does not hold."""
        self.begin()
        self.faults.start()
        self.timeline.run(self.dials.seconds * SECOND, last_step)
        if last_step and self.timeline.step >= last_step:
            return
        self.settle(last_step)

    def settle(self, last_step: int = 0) -> None:
        """Heal everything, wait until all is well, look at all that was recorded. Raises Broken."""
        Settling(self).run(last_step)

    @property
    def now_at(self) -> int:
        """What a true wall clock shows."""
        return (self.wall + self.timeline.now) // MS

    # -- who is who -------------------------------------------------------------------------------

    def leader_number(self) -> int:
        """The leader of the highest term that has begun; 0 when nobody leads."""
        lives = [place.life for place in self.coordinators.values() if place.life is not None]
        leading = [life for life in lives if life.replica.is_leader]
        return max(leading, key=lambda life: life.replica.term).number if leading else 0

    def number_at(self, address: str) -> int:
        return self.addresses.get(address, 0)

    @property
    def numbers(self) -> tuple[int, ...]:
        """Members that were not removed, whether they run or not."""
        return tuple(n for n, place in self.coordinators.items() if place.gone != "removed")

    def to_member(self, number: int, item: Input) -> bool:
        """An input that came over the network; False if nobody is there."""
        life = self.coordinators[number].life
        if life is None:
            return False
        self.timeline.soon(f"c{number} reads", lambda: life.pump.feed(item), life)
        return True

    def member_died(self, life: MemberLife) -> None:
        self.laws.died(life)
        for stream in self.streams:
            if stream._server is life:
                stream.server_gone()
        self.streams = [stream for stream in self.streams if stream._server is not life]

    def answered(self, operation: Operation) -> None:
        self.laws.answered(operation)
