"""Faults of nodes, their sessions and their reports; and what operators do to everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.machine.commands import DrainNode, RemoveNode, SetSettings, UndrainNode
from coordinator.model.ids import AllocationId, NodeName
from coordinator.model.tasks import RunOutcome
from coordinator.replica.inputs import Asked, NodeSaid, Poke, Submit, TransferLeadership
from coordinator.replica.sayings import EndedReport, NodeSaying, Report
from tests.simulation.dice import Dice
from tests.simulation.timeline import MS, SECOND

if TYPE_CHECKING:
    from tests.simulation.world import World

NOBODY = 2**40  # a ticket that no caller waits for
LIES_FROM = 2**30  # numbers of reports that no node has made
NEVER_YET = 1 << 30  # beyond the allocation id that its task may have by then


def kill(world: World, dice: Dice) -> bool:
    """The agent, one worker, or everything for a while, with or without a new boot."""
    what, node = dice.pick(("agent", "worker", "all", "boot")), dice.pick(world.nodes)
    down, number = dice.often_short(100 * MS, 25 * SECOND), dice.below(1 << 16)
    agent = node.agent
    if agent is None:
        return False
    if what == "agent":
        node.kill_agent()
    elif what == "worker":
        workers = [worker for worker in agent.workers.values() if worker.alive]
        if workers:
            workers[number % len(workers)].crash()
    else:
        node.kill_all(reboot=what == "boot")
        world.timeline.after(down, f"{node.name} up again", node.boot_up)
    return True


def cut(world: World, dice: Dice) -> bool:
    """The node reaches nobody, or its answers get lost, or it hears and cannot speak.

    Where operators are at work, one of them may take it for dead and remove it at once, while its runs still have
    their lease.
    """
    node, way = dice.pick(world.nodes).name, dice.pick(("both", "both", "up", "down"))
    length = dice.often_short(500 * MS, 25 * SECOND)
    hasty, soon = dice.percent(30), dice.between(100 * MS, 4 * SECOND)
    if hasty and world.dials.faults["operator"]:
        node = world.intervals.most_exclusive() or node  # there it hurts most
        length = max(length, 10 * SECOND)
        world.timeline.after(soon, "operator removes", lambda: _remove(world, NodeName(node)))
    pairs = []
    for number in world.numbers:
        if way != "down":
            pairs.append((node, f"c{number}"))
        if way != "up":
            pairs.append((f"c{number}", node))
    world.network.cut(pairs)
    world.timeline.after(
        length, "heals cut", lambda: world.network.mend(pairs) if not world.closing else None
    )
    return True


def _remove(world: World, node: NodeName) -> None:
    leader = world.leader_number()
    life = world.coordinators[leader].life if leader else None
    if life is not None and not world.closing:
        life.pump.feed(Submit(NOBODY, (Asked(RemoveNode(node)),)))


def break_session(world: World, dice: Dice) -> bool:
    number = dice.below(1 << 16)
    world.streams = [stream for stream in world.streams if not stream.up.closed]
    if not world.streams:
        return False
    world.streams[number % len(world.streams)].reset()
    return True


def ghost(world: World, dice: Dice) -> bool:
    """The node comes a second time out of the same data directory, while its session happens to break (N6).

    It does so in a container, on another machine, or out of an older image of its own. Half the time its machine sleeps meanwhile, and wakes when the other life is over: whoever has been superseded may
    come back when nobody is there to say so but the log (N1).
    """
    node, length = dice.pick(world.nodes), dice.often_short(SECOND, 15 * SECOND)
    sleeps, asleep = dice.percent(50), dice.between(2 * SECOND, 20 * SECOND)
    rest = dice.often_short(MS, 3 * SECOND)
    where = dice.pick(("container", "container", "restored", "elsewhere"))
    if node.agent is None:
        return False
    other = node.double(where)
    if sleeps:
        length = asleep
        node.suspend(world.timeline.now + length + rest)
    node.agent.session.broken_off()
    other.boot_up()
    world.timeline.after(length, f"{node.name} double ends", lambda: other.kill_all(reboot=False))
    return True


def leave(world: World, dice: Dice) -> bool:
    """SIGTERM, at times twice; started again later."""
    node, twice = dice.pick(world.nodes), dice.percent(30)
    away = dice.often_short(SECOND, 30 * SECOND)
    agent = node.agent
    if agent is None:
        return False
    agent.shut_down()
    if twice and agent.alive:
        agent.shut_down()
    world.timeline.after(away, f"{node.name} up again", node.boot_up)
    return True


def operate(world: World, dice: Dice) -> bool:
    """An operator at a member that may or may not lead: nobody repeats these."""
    node, what = NodeName(dice.pick(world.nodes).name), dice.below(8)
    member = world.coordinators[world.leader_number() or dice.pick(world.numbers)].life
    to, back = dice.pick((0, *world.numbers)), dice.between(SECOND, 15 * SECOND)
    if member is None:
        return False
    if what < 2:
        member.pump.feed(TransferLeadership(to))
    elif what < 5:
        drain = DrainNode(node, dice.pick(("restart", "remove")), "test", "operator")
        member.pump.feed(Submit(NOBODY, (Asked(drain),)))
        world.timeline.after(back, "undrain", lambda: undrain(world, node))
    elif what == 6:
        member.pump.feed(Submit(NOBODY, (Asked(RemoveNode(node)),)))
    else:
        values = (("assignment.enable", dice.pick(("none", "all"))),)
        member.pump.feed(Submit(NOBODY, (Asked(SetSettings(values)),)))
        member.pump.feed(Poke())
    return True


def undrain(world: World, node: NodeName) -> None:
    leader = world.leader_number()
    life = world.coordinators[leader].life if leader else None
    if life is not None:
        life.pump.feed(Submit(NOBODY, (Asked(UndrainNode(node)),)))


def lie(world: World, dice: Dice) -> bool:
    """A node reports on a run that is not its own, or not any more: refused, every time (G5)."""
    leader = world.leader_number()
    life = world.coordinators[leader].life if leader else None
    number, later = dice.below(1 << 16), dice.percent(30)
    if life is None or life.replica.leading is None:
        return False
    state = life.replica.state
    sessions = sorted(life.replica.leading.bench.view.connected.items())
    tasks = [task for task in state.tasks_by_id() if task.has_node]
    if not sessions or not tasks:
        return False
    task = tasks[number % len(tasks)]
    name, session = sessions[number % len(sessions)]
    kind = ("ended", "state", "started")[number % 3]
    later = (
        later or kind == "ended"
    )  # the end of an earlier run may be a repetition, which is no lie
    other = task.allocation_id + (NEVER_YET if later else -1 - number % 5)
    is_elsewhere = task.assignment.node != name and kind != "ended"
    allocation = AllocationId(task.allocation_id if is_elsewhere else other)
    ended = EndedReport(RunOutcome.WARNING) if kind == "ended" else None
    report = Report(
        LIES_FROM + number, task.id, allocation, kind, 0, kind == "state", 10**6, b'"lie"', 1, ended
    )
    world.tally["lies"] += 1
    life.pump.feed(NodeSaid(session, NodeSaying(reports=(report,))))
    return True
