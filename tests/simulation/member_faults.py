"""Faults of coordinators: their links, disks, clocks and processes. Each draws the same number of dice every time."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from tests.simulation.dice import Dice
from tests.simulation.member import Coordinator
from tests.simulation.network import Pair
from tests.simulation.timeline import MS, SECOND

if TYPE_CHECKING:
    from tests.simulation.world import World

RATE_MAX = 10_000  # millionths: 1 %


def _victim(world: World, dice: Dice) -> Coordinator:
    """Half the time whoever leads, since there it hurts most."""
    number, leader = dice.pick(world.numbers), dice.percent(50)
    found = world.leader_number() if leader else 0
    return world.coordinators[found or number]


def may_lose(world: World, place: Coordinator) -> bool:
    """Whether its data may go for good: a majority of the voters has to keep theirs."""
    leader = world.leader_number()
    life = world.coordinators[leader].life if leader else None
    if place.gone or life is None or life.replica.state.member_change is not None:
        return False
    conf = life.replica.raft.configuration()
    keep = [n for n in conf.voters if n != place.number and not world.coordinators[n].gone]
    return not conf.voters_outgoing and len(keep) >= len(conf.voters) // 2 + 1


# -- links ----------------------------------------------------------------------------------------


def clog(world: World, dice: Dice) -> bool:
    one, other = dice.pick(world.numbers), dice.pick(world.numbers)
    length = dice.often_short(100 * MS, 5 * SECOND)
    a_stream, which, until = dice.percent(30), dice.bits(16), world.timeline.now + length
    if a_stream and world.streams:
        world.streams[which % len(world.streams)].up.stall(until)
    else:
        world.network.clog((f"c{one}", f"c{other}"), until)
    return one != other


def partition(world: World, dice: Dice) -> bool:
    """For a while some members do not hear others."""
    shape = dice.pick(("one", "deaf", "dumb", "halves", "ring", "link", "deposed"))
    victim = _victim(world, dice).name
    length = dice.often_short(200 * MS, 20 * SECOND)
    order = [f"c{number}" for number in world.numbers]
    for at in range(len(order) - 1, 0, -1):
        other = dice.below(at + 1)
        order[at], order[other] = order[other], order[at]
    pairs = _cut(shape, victim, order)
    if not pairs:
        return False
    if shape == "deposed":
        length = 500 * MS + length % SECOND
        for _, voter in pairs:
            world.network.clog((voter, victim), world.timeline.now + length)
    world.network.cut(pairs)
    label = f"heals {shape}"
    world.timeline.after(
        length, label, lambda: world.network.mend(pairs) if not world.closing else None
    )
    world.timeline.say(f"partition {shape} {victim} {order} for {length / SECOND:.1f} s")
    return True


def _cut(shape: str, victim: str, order: list[str]) -> list[Pair]:
    others = [name for name in order if name != victim]
    match shape:
        case "one":
            return [pair for other in others for pair in ((victim, other), (other, victim))]
        case "deaf":
            return [(other, victim) for other in others]
        case "dumb" | "deposed":  # the latter hears late what others said before they left it
            return [(victim, other) for other in others]
        case "halves":
            half = len(order) // 2
            sides = order[:half], order[half:]
            return [p for a, b in product(*sides) for p in ((a, b), (b, a))]
        case "link":
            return [(others[0], victim), (victim, others[0])] if others else []
        case _:
            return _ring(order)


def _ring(order: list[str]) -> list[Pair]:
    """Each sees its two neighbours only."""
    size = len(order)
    return [
        (a, b)
        for (i, a), (j, b) in product(enumerate(order), repeat=2)
        if (i - j) % size not in (0, 1, size - 1)
    ]


# -- disks ----------------------------------------------------------------------------------------


def slow_disk(world: World, dice: Dice) -> bool:
    place, length = _victim(world, dice), dice.often_short(500 * MS, 15 * SECOND)
    place.slow_until = world.timeline.now + length
    return True


def disk_full(world: World, dice: Dice) -> bool:
    place, length = _victim(world, dice), dice.often_short(500 * MS, 15 * SECOND)
    place.full_until = world.timeline.now + length
    return True


def disk_error(world: World, dice: Dice) -> bool:
    """The next fsync fails; the process has to end, and is started again."""
    place, down = _victim(world, dice), dice.often_short(50 * MS, 5 * SECOND)
    place.fail_next = place.life is not None
    world.timeline.after(down + SECOND, f"{place.name} up again", place.start)
    return place.fail_next


def rot(world: World, dice: Dice) -> bool:
    """Something on the disk changes while the process is down. Found at the next start, or nobody may rely on it."""
    place, own = _victim(world, dice), dice.split(f"{world.timeline.now}")
    if not may_lose(world, place):
        return False
    place.kill()
    what = place.disk.rot(own)
    if not what:
        place.start()
        return False
    world.timeline.say(f"{place.name} rots: {what}")
    world.laws.rotten(place)
    place.start()
    return True


def wipe(world: World, dice: Dice) -> bool:
    """The data directory is emptied: what comes back has another storage id and forgotten its promises."""
    place = _victim(world, dice)
    if not may_lose(world, place):
        return False
    place.kill()
    place.disk.storage_id = "new"
    place.start()
    return True


# -- processes ------------------------------------------------------------------------------------


def crash(world: World, dice: Dice) -> bool:
    """kill -9 now, or after a few more effects; started again soon or late."""
    place = _victim(world, dice)
    keep, effects = dice.percent(50), dice.pick((-1, 0, 1, 2, 3, 5, 8))
    down = dice.pick((0, 20 * MS, dice.often_short(100 * MS, 15 * SECOND)))
    if place.life is None:
        return False
    if effects < 0:
        place.kill(keep_flight=keep)
    else:
        place.life.die_after = effects
    world.timeline.after(down, f"{place.name} up again", lambda: _up(world, place, down))
    return True


def _up(world: World, place: Coordinator, down: int) -> None:
    """Start it, once the crash that was due has happened."""
    if place.life is not None and place.life.die_after >= 0:
        world.timeline.after(
            down + MS, f"{place.name} up again", lambda: _up(world, place, down + MS)
        )
    else:
        place.start()


def blackout(world: World, dice: Dice) -> bool:
    """All coordinators at once: power cut."""
    down = dice.often_short(100 * MS, 12 * SECOND)
    keeps = [dice.percent(50) for _ in world.numbers]
    for number, keep in zip(world.numbers, keeps, strict=True):
        place = world.coordinators[number]
        place.kill(keep_flight=keep)
        world.timeline.after(down, f"{place.name} up again", place.start)
    return True


def pause(world: World, dice: Dice) -> bool:
    """SIGSTOP and SIGCONT: of a member, of an agent, of a whole node."""
    whom, number = dice.below(3), dice.below(1 << 16)
    length, place = dice.often_short(50 * MS, 14 * SECOND), _victim(world, dice)
    until = world.timeline.now + length
    if whom == 0 and place.life is not None:
        place.life.frozen_until = max(until, place.life.frozen_until)
    elif whom:
        node = world.nodes[number % len(world.nodes)]
        node.freeze(until, workers=whom == 2)
    return True


def suspend(world: World, dice: Dice) -> bool:
    """A machine sleeps; its steady clock counts that."""
    is_node, number = dice.percent(60), dice.below(1 << 16)
    length, place = dice.often_short(200 * MS, 25 * SECOND), _victim(world, dice)
    until = world.timeline.now + length
    if is_node:
        world.nodes[number % len(world.nodes)].suspend(until)
    elif place.life is not None:
        place.life.frozen_until = max(until, place.life.frozen_until)
    return True


def clock(world: World, dice: Dice) -> bool:
    """Rates up to 1 % off, wall clocks that jump."""
    clocks = [c.clock for c in world.coordinators.values()] + [n.clock for n in world.nodes]
    one, jumps = dice.pick(clocks), dice.percent(50)
    rate = dice.pick((-RATE_MAX, RATE_MAX, dice.between(-RATE_MAX, RATE_MAX)))
    jump = dice.pick((-3_600, 3_600, dice.between(-30, 30))) * SECOND
    if jumps:
        one.jump(jump)
    else:
        one.run_at(rate)
        for node in world.nodes:  # a timer of the kernel goes by the clock as it goes now
            if node.clock is one and node.agent is not None:
                node.agent.look_at_killer()
    return True
