"""Rare turns of the replica: offers that change, logs that are full, entries of others, memory that is bounded."""

from __future__ import annotations

import json

import pytest

from coordinator.assignment.load import Load
from coordinator.consensus.changes import ConfChange, ConfChangeOp, ConfChangeSingle
from coordinator.consensus.errors import DropReason, ProposalDropped
from coordinator.machine.commands import CancelTask, ForgetRequests, Request
from coordinator.machine.outcome import Accepted
from coordinator.model.nodes import LoadError, Manifest
from coordinator.model.state import ClusterState
from coordinator.model.tasks import DEFAULT_BACKOFF, Backoff, Status, TaskSpec
from coordinator.replica import effects as e
from coordinator.replica import inputs as i
from coordinator.replica import live as live_module
from coordinator.replica.facts import FactsBook
from coordinator.replica.live import LiveBoard
from coordinator.replica.policies import resolve
from coordinator.replica.proposals import Lost, Proposal, Proposals
from coordinator.replica.sayings import LiveLog, LiveProgress, NodeSaying
from tests.unit.replica.kit import at_once, node, of, wish
from tests.unit.replica.world import FakeNode, World


class Log:
    """Stands in for the consensus core; refuses when told to."""

    term = 2

    def __init__(self) -> None:
        self.entries: list[bytes] = []
        self.refuses: DropReason | None = None

    @property
    def last_index(self) -> int:
        return len(self.entries)

    def propose(self, data: bytes) -> None:
        if self.refuses is not None:
            raise ProposalDropped(self.refuses)
        self.entries.append(data)


def proposals() -> tuple[Proposals, Log, list[object]]:
    log, answers = Log(), []
    made = Proposals(log, Load(ClusterState()), {})
    made.add(Proposal(Request(ForgetRequests(1)), answers.append))
    return made, log, answers


def test_c9_success_is_told_only_for_our_entry_at_its_index_and_term() -> None:
    made, _, answers = proposals()
    made.flush(0, 0, 10)
    assert made.batch_at(1, 2) is not None
    assert made.batch_at(1, 3) is None
    made.applied(1, 3, [Accepted()])
    assert answers == [Lost.UNKNOWN]
    made.applied(1, 2, [Accepted()])
    assert answers == [Lost.UNKNOWN]


@pytest.mark.parametrize(
    "reason, lost",
    [
        (DropReason.LOG_FULL, Lost.OVERLOADED),
        (DropReason.TRANSFERRING, Lost.NOT_LEADER),
        (DropReason.NO_LEADER, Lost.NOT_LEADER),
    ],
)
def test_c10_what_consensus_drops_is_certainly_not_done(reason: DropReason, lost: Lost) -> None:
    made, log, answers = proposals()
    log.refuses = reason
    made.flush(0, 0, 10)
    assert answers == [lost]
    assert len(made) == 0


def test_marks_of_tasks_last_until_the_last_answer() -> None:
    log, busy, answers = Log(), {}, []
    made = Proposals(log, Load(ClusterState()), busy)
    for _ in range(2):
        made.add(Proposal(Request(ForgetRequests(1)), answers.append, (), ("t",)))
    assert busy == {"t": 2}
    made.flush(0, 0, 1)
    made.applied(1, 2, [Accepted()])
    assert busy == {"t": 1}
    made.drop()
    assert busy == {}
    assert answers == [Accepted(), Lost.NOT_LEADER]


def test_pt_47_a_changed_offer_places_what_waited_for_it() -> None:
    world = World(1)
    one = node(world, "n1")
    other = node(world, "n2", "shop.count")
    other.close()
    world.create("t1", executor="shop.count")
    assert world.task("t1").status is Status.UNASSIGNED
    offers = (Manifest("demo.noop", 1, "h-demo.noop", b""), Manifest("shop.count", 1, "h2", b"{}"))
    errors = (LoadError("bad.py", "boom"),)
    one.say(i.NodeSaid(one.session, NodeSaying(offers=offers, load_errors=errors)))
    world.run(50)
    assert world.task("t1").assignment.node == "n1"
    assert world.leader().replica.state.nodes["n1"].load_errors == errors


def test_a_registration_that_could_not_be_logged_is_told_to_come_again() -> None:
    world = World(3)
    old = world.leader()
    one = FakeNode(world, "n1")
    old.replica.leading.proposals._raft = type("Full", (), {"propose": _full})()
    one.register()
    assert world.closed[one.session] == "not_leader"


def _full(*_: object) -> None:
    raise ProposalDropped(DropReason.LOG_FULL)


def test_words_of_a_session_that_is_gone_are_not_heard() -> None:
    world = World(1)
    one = node(world, "n1")
    session = one.session
    one.close()
    leader = world.leader()
    said = i.NodeSaid(session, NodeSaying(goodbye=True))
    assert not at_once(world, leader, said)
    assert leader.replica.state.nodes["n1"].status == "ready"


def test_goodbye_closes_the_session_for_good() -> None:
    world = World(1)
    one = node(world, "n1")
    one.say(i.NodeSaid(one.session, NodeSaying(goodbye=True)))
    assert world.leader().replica.state.nodes["n1"].status == "left"
    assert one.session in world.closed


def test_a_drain_that_is_asked_for_twice_is_logged_once() -> None:
    world = World(1)
    one = node(world, "n1")
    one.say(i.NodeSaid(one.session, NodeSaying(drain=True)))
    before = world.leader().replica.raft.last_index
    one.say(i.NodeSaid(one.session, NodeSaying(drain=True)))
    assert world.leader().replica.raft.last_index == before


def test_an_error_that_is_no_json_is_shown_as_it_is() -> None:
    world = World(1)
    one = node(world, "n1")
    world.create("t1")
    one.listen()
    from coordinator.model.tasks import RunOutcome

    one.report("t1", "ended", outcome=RunOutcome.FAILED, error=b"plain words")
    assert world.task("t1").last_outcome.error_text == "plain words"


def test_a_change_of_members_goes_through_the_log() -> None:
    world = World(1)
    leader = world.leader()
    before = leader.replica.state.revision
    nothing = ConfChange((ConfChangeSingle(ConfChangeOp.UPDATE, 1),))
    leader.replica.raft.propose_conf_change(nothing)
    leader.inbox.append(i.Wake())
    world.settle()
    assert leader.replica.state.revision == before + 1
    assert world.outcomes(world.submit(CancelTask("no")))


def test_a_broken_consensus_halts_the_member() -> None:
    world = World(1)
    leader = world.leader()

    def broken(*_: object) -> None:
        from coordinator.consensus.errors import ConsensusBroken

        raise ConsensusBroken("two leaders in one term")

    leader.replica.raft.tick = broken
    (halt,) = of(e.Halt, at_once(world, leader, i.Tick()))
    assert (halt.exit_code, "two leaders" in halt.reason) == (74, True)


def line(allocation: int = 1, event: str = "x") -> LiveLog:
    return LiveLog("t", allocation, 0, "info", event, b"{}")


def test_live_words_are_those_of_the_latest_run() -> None:
    board = LiveBoard()
    board.logs([line(1), line(2, "two"), line(1, "late")])
    assert board.lines_of("t", 1) == ([], 0)
    assert [one.event for one in board.lines_of("t", 2)[0]] == ["two"]
    assert board.progress([LiveProgress("t", 1, 5.0, None, "")], 0) == []
    board.forget("t")
    assert board.lines_of("t", 2) == ([], 0)


def test_live_words_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "RUNS_KEPT", 3)
    board = LiveBoard()
    board.logs([line(event=str(n)) for n in range(live_module.LINES_KEPT + 10)])
    lines, dropped = board.lines_of("t", 1)
    assert (len(lines), dropped, lines[0].event) == (live_module.LINES_KEPT, 10, "10")
    for name in "abc":
        board.progress([LiveProgress(name, 1, 1.0, 2.0, "")], 7)
    assert board.lines_of("t", 1) == ([], 0)
    assert board.progress_of("c", 1).at == 7


def test_tm_1_task_then_executor_then_default() -> None:
    declared = {"priority": 9, "cost": 4, "max_attempts": None, "movable": False}
    policy = resolve(TaskSpec(priority=77), declared)
    assert (policy.priority, policy.cost, policy.max_attempts, policy.movable) == (77, 4, 0, False)
    assert resolve(TaskSpec(max_attempts=2), declared).max_attempts == 2
    assert resolve(TaskSpec(), {}).backoff == DEFAULT_BACKOFF
    own = {"backoff": {"kind": "fixed", "first_ms": 5}}
    assert resolve(TaskSpec(), own).backoff.first_ms == 5
    asked = Backoff("fixed", 1)
    assert resolve(TaskSpec(backoff=asked), own).backoff is asked


def test_facts_come_from_the_newest_manifest_else_from_our_own_code() -> None:
    book, state = FactsBook(), ClusterState()
    book.know_local((("local.only", 3, True, False),))
    assert book.of("local.only", state).version == 3
    assert book.of("nobody", state) is None
    old = json.dumps({"own_assignment": True}).encode()
    state.manifests["x"] = {
        "a": Manifest("x", 1, "a", old),
        "b": Manifest("x", 2, "b", b"{nonsense"),
    }
    assert (book.of("x", state).version, book.of("x", state).own_assignment) == (2, False)
    assert sorted(book.all(state)) == ["local.only", "x"]


def test_a_follower_drops_what_is_for_the_leader() -> None:
    world = World(3)
    leader = world.leader()
    follower = next(m for m in world.members.values() if m is not leader)
    world.run(100)
    for said in (
        i.NodeSaid(1, NodeSaying()),
        i.NodeClosed(1),
        i.PluginAnswered(1, "ok"),
        i.Poke(),
        i.TransferLeadership(),
        i.Abandon(5),
    ):
        assert not of(e.Reply, at_once(world, follower, said))
    (closed,) = of(e.CloseNode, at_once(world, follower, i.NodeOpened(7, _registration())))
    assert closed.reason == "not_leader"


def _registration() -> object:
    from coordinator.replica.sayings import Registration

    return Registration("n1", "u", 1, "1-x", 1, ())


def test_a_submit_of_nothing_known_is_answered_at_once() -> None:
    world = World(1)
    leader = world.leader()
    (reply,) = of(e.Reply, at_once(world, leader, i.Submit(3, (i.Asked(wish("t", "no")),))))
    assert reply.ticket == 3
