"""The one loop: order of effects, batching, ticks, tickets, sessions, and how a bug ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from coordinator.api.door import RoadFailed
from coordinator.machine.failures import InvariantBroken
from coordinator.model.ids import TaskId
from coordinator.model.instants import Now
from coordinator.replica.effects import (
    Applied,
    CloseNode,
    Effect,
    Fail,
    Halt,
    LeadershipChanged,
    Persist,
    ReadReady,
    Reply,
    SendPeer,
    ToNode,
    WakeAfter,
)
from coordinator.replica.inputs import (
    Abandon,
    Asked,
    Expire,
    FromPeer,
    Input,
    Move,
    NodeClosed,
    Poke,
    ReadBarrier,
    Stored,
    Submit,
    Tick,
    Wake,
)
from coordinator.replica.sayings import LeaderSaying
from coordinator.shell.pump import INPUTS_PER_TURN, WISHES_PER_TURN, Hands, Pump
from coordinator.shell.store_port import StoreFailure, Trouble


class Clock:
    def __init__(self) -> None:
        self.steady = 1_000

    def __call__(self) -> Now:
        return Now(self.steady, 5_000 + self.steady)


class Replica:
    """Notes every turn; answers as it was told."""

    def __init__(self) -> None:
        self.turns: list[list[Input]] = []
        self.answer: Callable[[Input], list[Effect]] = lambda _item: []
        self.is_busy = False

    def handle(self, inputs: Sequence[Input], now: Now) -> list[Effect]:
        self.turns.append(list(inputs))
        return [effect for item in inputs for effect in self.answer(item)]

    @property
    def inputs(self) -> list[Input]:
        return [item for turn in self.turns for item in turn]


class Rig:
    """A pump with hands that note what they are asked."""

    def __init__(self) -> None:
        self.replica = Replica()
        self.clock = Clock()
        self.done: list[Any] = []
        self.halts: list[tuple[int, str]] = []
        note = self.done.append
        hands = Hands(note, note, note, note, note, note, lambda *halt: self.halts.append(halt))
        self.pump = Pump(self.replica, hands, self.clock, asyncio.get_running_loop())

    async def turn(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)


@pytest.fixture
async def rig() -> Rig:
    return Rig()


def submit(ticket: int, count: int = 1) -> Submit:
    return Submit(ticket, tuple(Asked(Move(TaskId(f"t{n}"))) for n in range(count)))


async def test_what_arrives_in_one_round_of_the_loop_is_one_turn(rig: Rig) -> None:
    for number in range(10):
        rig.pump.feed(Poke((TaskId(str(number)),)))
    await rig.turn()
    assert len(rig.replica.turns) == 1
    assert len(rig.replica.turns[0]) == 10


async def test_effects_are_done_in_the_order_given(rig: Rig) -> None:
    effects: list[Effect] = [SendPeer(2, ()), Persist(1, None, (), None), SendPeer(3, ())]
    rig.replica.answer = lambda _item: effects
    rig.pump.feed(Poke())
    await rig.turn()
    assert rig.done == effects


async def test_wishes_wait_behind_consensus_and_are_taken_a_batch_at_a_time(rig: Rig) -> None:
    for ticket in range(4):
        rig.pump.feed(submit(ticket, WISHES_PER_TURN // 2))
    rig.pump.feed(FromPeer(()))
    await rig.turn()
    assert [type(item) for item in rig.replica.turns[0]] == [FromPeer, Submit, Submit]
    assert [type(item) for item in rig.replica.turns[1]] == [Submit, Submit]


async def test_while_an_entry_is_under_way_wishes_wait_for_what_ends_it(rig: Rig) -> None:
    rig.replica.is_busy = True
    rig.pump.feed(submit(1))
    rig.pump.feed(submit(2))
    await rig.turn()
    assert rig.replica.turns == []
    rig.pump.on_written([1])
    await rig.turn()
    assert [type(item) for item in rig.replica.turns[0]] == [Stored, Submit, Submit]


async def test_wishes_wait_for_company_until_enough_are_there_or_it_is_time(rig: Rig) -> None:
    rig.replica.answer = lambda item: (
        [WakeAfter(30_000, wishes=3)] if isinstance(item, Poke) else []
    )
    rig.pump.feed(Poke())
    await rig.turn()
    rig.pump.feed(submit(1))
    rig.pump.feed(submit(2))
    await rig.turn()
    assert len(rig.replica.turns) == 1
    rig.pump.feed(submit(3))
    await rig.turn()
    assert [type(item) for item in rig.replica.turns[1]] == [Submit, Submit, Submit]


async def test_a_wake_comes_when_it_was_asked_for(rig: Rig) -> None:
    rig.replica.answer = lambda item: [WakeAfter(10, 99)] if isinstance(item, Poke) else []
    rig.pump.feed(Poke())
    await rig.turn()
    rig.pump.feed(submit(1))
    await asyncio.sleep(0.05)
    assert [type(item) for item in rig.replica.turns[1]] == [Wake, Submit]


async def test_a_call_larger_than_a_batch_is_taken_whole(rig: Rig) -> None:
    rig.pump.feed(submit(1, WISHES_PER_TURN * 3))
    await rig.turn()
    assert len(rig.replica.inputs) == 1


async def test_a_flood_of_inputs_is_cut_into_turns(rig: Rig) -> None:
    for _ in range(INPUTS_PER_TURN + 1):
        rig.pump.feed(Poke())
    await rig.turn()
    assert [len(turn) for turn in rig.replica.turns] == [INPUTS_PER_TURN, 1]


async def test_a_tick_comes_first_and_says_how_long_the_loop_stood_still(rig: Rig) -> None:
    rig.clock.steady += 4_050
    rig.pump.feed(FromPeer(()))
    await rig.turn()
    assert rig.replica.turns[0][0] == Tick(stalled_ms=4_000)
    rig.pump.feed(FromPeer(()))
    await rig.turn()
    assert [type(item) for item in rig.replica.turns[1]] == [FromPeer]


async def test_an_early_timer_makes_no_empty_turn(rig: Rig) -> None:
    rig.pump.start()
    await rig.turn()
    assert rig.replica.turns == []
    rig.pump.stop()


async def test_a_call_is_answered_by_its_ticket(rig: Rig) -> None:
    rig.replica.answer = lambda item: (
        [Reply(item.ticket, (), (), 7)] if isinstance(item, Submit) else []
    )
    first, second = await asyncio.gather(
        rig.pump.callers.ask(lambda ticket: submit(ticket), 5),
        rig.pump.callers.ask(lambda ticket: submit(ticket), 5),
    )
    assert (first.ticket, second.ticket) == (1, 2)
    assert first.revision == 7


async def test_a_read_is_answered_by_its_ticket(rig: Rig) -> None:
    rig.replica.answer = lambda item: (
        [ReadReady(item.ticket)] if isinstance(item, ReadBarrier) else []
    )
    assert await rig.pump.callers.ask(ReadBarrier, 5) == ReadReady(1)


async def test_a_failed_road_raises(rig: Rig) -> None:
    rig.replica.answer = lambda item: (
        [Fail(item.ticket, "no_leader", "since 4 s")] if isinstance(item, Submit) else []
    )
    with pytest.raises(RoadFailed) as raised:
        await rig.pump.callers.ask(submit, 5)
    assert (raised.value.kind, raised.value.detail) == ("no_leader", "since 4 s")


async def test_q3_an_expired_call_is_told_what_the_replica_says_of_it(rig: Rig) -> None:
    rig.replica.answer = lambda item: (
        [Fail(item.ticket, "not_begun")] if isinstance(item, Expire) else []
    )
    with pytest.raises(RoadFailed) as raised:
        await rig.pump.callers.ask(submit, 0.01)
    assert raised.value.kind == "not_begun"


async def test_an_expired_call_of_which_nothing_is_said_ends_and_a_late_answer_meets_nobody(
    rig: Rig,
) -> None:
    with pytest.raises(RoadFailed) as raised:
        await rig.pump.callers.ask(submit, 0.01)
    assert raised.value.kind == "timed_out"
    assert Expire(1) in rig.replica.inputs
    rig.pump.callers.answer(Reply(1, (), (), 7))
    assert rig.pump.callers.waiting == 0


async def test_a_caller_that_goes_away_is_abandoned(rig: Rig) -> None:
    call = asyncio.create_task(rig.pump.callers.ask(submit, 5))
    await rig.turn()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await rig.turn()
    assert Abandon(1) in rig.replica.inputs


async def test_words_reach_their_session_and_no_other(rig: Rig) -> None:
    heard: list[Any] = []
    first = rig.pump.open_session(heard.append, heard.append)
    second = rig.pump.open_session(lambda _: None, lambda _: None)
    assert first != second
    saying, close = ToNode(first, LeaderSaying(term=3)), CloseNode(first, "removed")
    rig.replica.answer = lambda _item: [saying, close, saying]
    rig.pump.feed(Poke())
    await rig.turn()
    assert heard == [saying.saying, close]


async def test_an_ended_session_hears_nothing_and_the_replica_knows(rig: Rig) -> None:
    heard: list[Any] = []
    session = rig.pump.open_session(heard.append, heard.append)
    rig.replica.answer = lambda _item: [ToNode(session, LeaderSaying(term=3))]
    rig.pump.end_session(NodeClosed(session))
    await rig.turn()
    assert heard == []
    assert rig.replica.inputs == [NodeClosed(session)]


async def test_listeners_hear_until_they_stop(rig: Rig) -> None:
    heard: list[Any] = []
    stop = rig.pump.subscribe(heard.append)
    effects: list[Effect] = [Applied(4, 9, ()), LeadershipChanged(2, 5, False)]
    rig.replica.answer = lambda _item: effects
    rig.pump.feed(Poke())
    await rig.turn()
    stop()
    rig.pump.feed(Poke())
    await rig.turn()
    assert heard == effects


async def test_the_store_is_heard(rig: Rig) -> None:
    rig.pump.on_written([3, 4])
    await rig.turn()
    assert rig.replica.inputs == [Stored((3, 4))]
    rig.pump.on_store_failed(StoreFailure(Trouble.BUG, "index out of range"))
    assert rig.halts == [(1, "index out of range")]


async def test_halt_is_done_at_once_and_nothing_after_it_matters(rig: Rig) -> None:
    rig.replica.answer = lambda _item: [Halt(74, "fsync failed")]
    rig.pump.feed(Poke())
    await rig.turn()
    rig.pump.feed(Poke())
    await rig.turn()
    assert rig.halts == [(74, "fsync failed")]
    assert len(rig.replica.turns) == 1


@pytest.mark.parametrize(
    "bug, exit_code", [(InvariantBroken("two runs share id 7"), 70), (KeyError("x"), 1)]
)
async def test_a_bug_ends_the_process_with_its_status(
    rig: Rig, bug: Exception, exit_code: int
) -> None:
    def broken(_item: Input) -> list[Effect]:
        raise bug

    rig.replica.answer = broken
    call = asyncio.create_task(rig.pump.callers.ask(submit, 5))
    await rig.turn()
    assert [code for code, _ in rig.halts] == [exit_code]
    with pytest.raises(RoadFailed):
        await call
