"""Rows that need real nodes: three processes on loopback, the JSON serializer (the default one cannot read its own log)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import TypeVar

from scripts.raftos_evidence.cluster import (
    Member,
    acknowledges,
    cluster,
    leader_of,
    start_all,
    until,
)
from scripts.raftos_evidence.rows import Row, Seen, Trial

ELECTION_SECONDS = 40.0
ACK_SECONDS = 20.0
AT_ONCE = 5
Outcome = TypeVar("Outcome")


async def split_of_four(trial: Trial) -> Seen:
    async with cluster(trial.work, size=4) as members:
        left, right = members[:2], members[2:]
        await start_all(members)
        for here, there in ((left, right), (right, left)):
            for member in here:
                member.tell(do="cut", ports=[other.port for other in there])
        told = []
        for number, half in enumerate((left, right), start=1):
            leader = await leader_of(half, ELECTION_SECONDS)
            told.append(leader is not None and await acknowledges(leader, number, ACK_SECONDS))
    text = f"2 and 2 cut apart: acknowledged by a leader of the first half {told[0]}, of the second {told[1]}"
    return Seen(text, all(told))


async def restart_of_all(trial: Trial) -> Seen:
    async with cluster(trial.work) as members:
        await start_all(members)
        first = await leader_of(members, ELECTION_SECONDS)
        before = first is not None and await acknowledges(first, 1, ACK_SECONDS)
        for member in members:
            await member.kill()
        await start_all(members)
        leader = await leader_of(members, ELECTION_SECONDS)
        after = leader is not None and await acknowledges(leader, 2, ACK_SECONDS)
    led = "a leader" if leader is not None else "no leader"
    text = f"write acknowledged before: {before}; killed -9 and started: {led}, write acknowledged within {ACK_SECONDS:.0f} s: {after}"
    return Seen(text, before and not after)


async def fail_over(trial: Trial) -> Seen:
    outcomes = await in_groups(
        [_fail_over(trial.work / str(number)) for number in range(trial.rounds)], 2
    )
    recovered = sum(committed for _, committed in outcomes)
    waits = ", ".join("none" if took is None else f"{took:.0f} s" for took, _ in outcomes)
    text = f"new leader after {waits}; a write acknowledged within {ACK_SECONDS:.0f} s of it: {recovered} of {trial.rounds}"
    return Seen(text, recovered == 0)


async def _fail_over(work: Path) -> tuple[float | None, bool]:
    clock = asyncio.get_running_loop().time
    async with cluster(work) as members:
        await start_all(members)
        leader = await leader_of(members, ELECTION_SECONDS)
        if leader is None:
            return None, False
        leader.tell(do="load")
        await until(lambda: len(leader.rates) > 0, 10)
        killed = clock()
        await leader.kill()
        rest = [member for member in members if member is not leader]
        new = await leader_of(rest, ELECTION_SECONDS)
        if new is None:
            return None, False
        took = clock() - killed
        return took, await acknowledges(new, 1, ACK_SECONDS)


async def loses_acknowledged(trial: Trial) -> Seen:
    tries = [_burst(trial.work / str(number)) for number in range(2 * trial.rounds)]
    outcomes = await in_groups(tries, AT_ONCE)
    counted = [lost for lost in outcomes if lost is not None]
    text = f"the acknowledged write is on no survivor in {sum(counted)} of {len(counted)}"
    return Seen(text, sum(counted) > 0)


async def _burst(work: Path) -> bool | None:
    """Whether an acknowledged write is on no survivor; None if nothing was acknowledged."""
    async with cluster(work) as members:
        await start_all(members)
        leader = await leader_of(members, ELECTION_SECONDS)
        if leader is None:
            return None
        leader.tell(do="burst", writes=[[1, "k1", 1], [2, "k2", 2]])
        await until(lambda: not leader.alive, ACK_SECONDS)
        await leader.kill()
        survivors = [member for member in members if member is not leader]
        acknowledged = {f"k{number}" for number in leader.acknowledged}
        await until(lambda: all(acknowledged <= s.keys_on_disk() for s in survivors), 1.0)
        present = set().union(*(survivor.keys_on_disk() for survivor in survivors))
        return bool(acknowledged - present) if acknowledged else None


async def two_leaders(trial: Trial) -> Seen:
    """The election timers are set so that A stands first and B second; all else is as it comes."""
    async with cluster(trial.work) as (a, b, c):
        await asyncio.gather(a.start((1, 1)), b.start((7, 7)), c.start((60, 60)))
        a.tell(do="cut", ports=[b.port])
        b.tell(do="cut", ports=[a.port])
        if await leader_of([a], 5) is None:
            return Seen("A was not elected", holds=False)
        await c.kill()
        await c.start((60, 60))
        second = await leader_of([b], 15)
        await until(lambda: _leads(a), 1)
        both = second is not None and _leads(a) and a.status["term"] == b.status["term"]
        term = a.status.get("term")
        told = [await acknowledges(member, n, ACK_SECONDS) for n, member in ((1, a), (2, b))]
        await asyncio.sleep(0.5)
        only_a = "k1" not in b.keys_on_disk() | c.keys_on_disk()
    text = f"both lead term {term}: {both}; A acknowledged: {told[0]}, B: {told[1]}; A's write on no other member: {only_a}"
    return Seen(text, both and all(told) and only_a)


def _leads(member: Member) -> bool:
    member.tell(do="status")
    return bool(member.status.get("leads"))


async def one_datagram(trial: Trial) -> Seen:
    async with cluster(trial.work) as members:
        await start_all(members)
        leader = await leader_of(members, ELECTION_SECONDS)
        if leader is None:
            return Seen("no leader", holds=False)
        leader.tell(do="write", n=1, key="big", value="x" * 70_000)
        await until(lambda: len(leader.logged) > 0, 5)
        small = await acknowledges(leader, 2, ACK_SECONDS)
        big, alive = 1 in leader.acknowledged, leader.alive
        said = leader.logged[0] if leader.logged else "nothing"
    text = (
        f"{said}; acknowledged: {big}; a small write after it, within {ACK_SECONDS:.0f} s: {small}"
    )
    return Seen(text, alive and "too long" in said and not big and not small)


async def slows_down(trial: Trial) -> Seen:
    async with cluster(trial.work) as members:
        await start_all(members)
        leader = await leader_of(members, ELECTION_SECONDS)
        if leader is None:
            return Seen("no leader", holds=False)
        leader.tell(do="load")
        await asyncio.sleep(30)
        rates = leader.rates
    if len(rates) < 2:
        return Seen("the writer came to a stop within its first second", holds=True)
    (first, _), (last, total) = rates[0], rates[-1]
    return Seen(
        f"{first:.0f} writes/s in the first second, {last:.1f} at entry {total}", last < first / 3
    )


async def in_groups(tries: Sequence[Awaitable[Outcome]], size: int) -> list[Outcome]:
    """A few at a time: the machine should not be what is measured."""
    done: list[Outcome] = []
    for start in range(0, len(tries), size):
        done += await asyncio.gather(*tries[start : start + size])
    return done


ROWS = (
    Row("wrong majority, 4 processes", "split 2 and 2, a write on each side", split_of_four),
    Row(
        "commits nothing after a restart, 3 processes", "all killed -9 and started", restart_of_all
    ),
    Row("commits nothing after a fail-over", "leader killed -9 under load", fail_over),
    Row(
        "loses acknowledged writes",
        "two writes at once, leader killed -9 at the acknowledgement",
        loses_acknowledged,
    ),
    Row("two leaders in one term", "A and B cut apart, C killed -9 and started once", two_leaders),
    Row("one datagram per entry", "a write of 70,000 bytes, then a small one", one_datagram),
    Row("quadratic cost, 3 processes", "one writer, 30 s", slows_down),
)
