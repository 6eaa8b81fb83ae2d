"""A fire time that has come is in the log before the wish that takes it away, though that was asked for first (G9).

And what was on time when it was decided, and late when its entry is made, goes into the log as what is late (TM-10).
"""

from __future__ import annotations

from typing import Any

from coordinator.assignment.load import Load
from coordinator.codec.envelope import decode_batch
from coordinator.consensus.errors import DropReason, ProposalDropped
from coordinator.duties.agenda import Freshness
from coordinator.machine.commands import (
    CancelTask,
    ChangeTasks,
    Command,
    FireSchedule,
    PauseTask,
    Request,
    ResumeTask,
    RunNow,
    TimeSeries,
    UpdateTask,
)
from coordinator.model.ids import TaskId
from coordinator.model.schedules import Firing
from coordinator.model.state import ClusterState
from coordinator.replica.overtaking import taken_from
from coordinator.replica.proposals import Proposal, Proposals

S, T = TaskId("s"), TaskId("t")
FIRE_S, FIRE_T = FireSchedule(S, 0, 5, Firing()), FireSchedule(T, 0, 5, Firing())


class Log:
    """A raft that takes everything."""

    term, last_index = 1, 0

    def __init__(self) -> None:
        self.commands: list[Command] = []

    def propose(self, data: bytes) -> None:
        self.last_index += 1
        self.commands += [request.command for request in decode_batch(data).requests]


def proposals_to(log: Any) -> Proposals:
    state = ClusterState()
    proposals = Proposals(log, Load(state), {})
    proposals.takes_from = lambda command: taken_from(command, state)
    return proposals


def logged(*commands: Command) -> list[Command]:
    log: Any = Log()
    proposals = proposals_to(log)
    for command in commands:
        proposals.add(Proposal(Request(command), lambda _: None))
    proposals.flush(1, 1, 100)
    assert not len(proposals)
    return log.commands


def test_g9_a_fire_time_goes_before_what_ends_or_edits_its_series() -> None:
    both = ChangeTasks((CancelTask(T), PauseTask(S), PauseTask(T)))
    for wish in (PauseTask(T), CancelTask(T), UpdateTask(T, 0), both):
        assert logged(RunNow(S), wish, RunNow(T), FIRE_T) == [RunNow(S), FIRE_T, wish, RunNow(T)]


def test_g9_what_comes_next_of_a_series_is_said_before_its_fire_times_and_the_wish() -> None:
    timed = TimeSeries(T, 0, 1, 1, Firing(1, 1))
    wish = UpdateTask(T, 0)
    assert logged(wish, timed, FIRE_T, FIRE_S) == [timed, FIRE_T, wish, FIRE_S]


def test_g9_of_several_wishes_it_goes_before_the_first() -> None:
    wishes = (PauseTask(T), ResumeTask(T), PauseTask(T, finish=True))
    assert logged(*wishes, FIRE_T, FIRE_S) == [FIRE_T, *wishes, FIRE_S]


def test_g9_otherwise_it_waits_for_its_turn() -> None:
    assert logged(PauseTask(S), RunNow(T), FIRE_T) == [PauseTask(S), RunNow(T), FIRE_T]


def test_g9_a_wish_that_is_in_the_log_is_past() -> None:
    log: Any = Log()
    proposals = proposals_to(log)
    for command in (PauseTask(T), FIRE_S):
        proposals.add(Proposal(Request(command), lambda _: None))
    proposals.flush(1, 1, 1)
    proposals.add(Proposal(Request(FIRE_T), lambda _: None))
    proposals.applied(1, 1, [None])  # type: ignore[list-item]
    proposals.flush(1, 1_000, 100)
    assert log.commands == [PauseTask(T), FIRE_S, FIRE_T]


def test_tm_10_a_decision_that_is_too_old_at_the_stamp_of_its_entry_is_made_again() -> None:
    late = FireSchedule(T, 0, 6, Firing(), late=True)
    for until, logged_one in ((9, late), (10, FIRE_T)):
        log: Any = Log()
        proposals = proposals_to(log)
        fresh = Freshness(until, lambda at: FireSchedule(T, 0, at - 4, Firing(), late=True))
        proposals.add(Proposal(Request(FIRE_T), lambda _: None, fresh=fresh))
        proposals.flush(10, 1, 100)
        assert log.commands == [logged_one]


def test_g9_what_is_due_goes_before_the_first_wish_for_its_series_however_much_it_is() -> None:
    log: Any = Log()
    proposals = proposals_to(log)
    wishes = [RunNow(S), PauseTask(T), PauseTask(S), PauseTask(T)]
    for command in wishes:
        proposals.add(Proposal(Request(command), lambda _: None))
    due = [FireSchedule(one, 0, n, Firing()) for n in range(500) for one in (S, T)]

    def before_entry(_: object, __: int) -> frozenset[TaskId]:
        for command in due:
            proposals.add(Proposal(Request(command), lambda _: None))
        return frozenset()

    proposals.before_entry = before_entry
    proposals.flush(1, 1, 2_000)
    of_s, of_t = due[::2], due[1::2]
    assert log.commands == [RunNow(S), *of_t, PauseTask(T), *of_s, PauseTask(S), PauseTask(T)]


def test_g9_a_wish_waits_for_what_took_too_long_to_decide_at_once() -> None:
    log: Any = Log()
    proposals = proposals_to(log)
    for command in (PauseTask(T), RunNow(S), PauseTask(S)):
        proposals.add(Proposal(Request(command), lambda _: None))
    proposals.before_entry = lambda *_: frozenset((S,))
    proposals.flush(1, 1, 100)
    assert log.commands == [PauseTask(T), RunNow(S)]
    proposals.before_entry = lambda *_: frozenset()
    proposals.applied(1, 1, [None, None])  # type: ignore[list-item]
    proposals.flush(1, 1_000, 100)
    assert log.commands[2:] == [PauseTask(S)]


def test_g9_words_that_consensus_drops_are_decided_again_in_another_turn_and_not_for_ever() -> None:
    log: Any = Log()
    proposals, answers = proposals_to(log), []
    proposals.add(Proposal(Request(PauseTask(S)), answers.append))
    decided = []

    def before_entry(_: object, at: int) -> frozenset[TaskId]:
        assert len(decided) < 3
        decided.append(at)
        proposals.add(Proposal(Request(FIRE_S), lambda _: None))
        return frozenset()

    def refuse(_: bytes) -> None:
        raise ProposalDropped(DropReason.TRANSFERRING)

    proposals.before_entry, log.propose = before_entry, refuse
    proposals.flush(1, 1, 1)  # an entry has room for one: the wish is not in it
    assert (decided, answers, len(proposals)) == ([1], [], 1)
    del log.propose
    proposals.flush(2, 2, 1)
    assert (decided, log.commands) == ([1, 2], [FIRE_S])
    proposals.before_entry = lambda *_: frozenset()
    proposals.applied(1, 1, [None])  # type: ignore[list-item]
    proposals.flush(3, 1_000, 1)
    assert log.commands == [FIRE_S, PauseTask(S)]
