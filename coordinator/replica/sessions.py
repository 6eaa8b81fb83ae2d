"""Open sessions of nodes: from registration to welcome, heartbeats, frames, and the end."""

from __future__ import annotations

from collections.abc import Callable

from coordinator.machine.commands import Request
from coordinator.machine.outcome import Refused
from coordinator.model.ids import AllocationId, NodeName, TaskId
from coordinator.model.instants import Millis
from coordinator.model.nodes import Node, NodeStatus
from coordinator.model.tasks import Task
from coordinator.replica.bench import Bench
from coordinator.replica.desk import Desk
from coordinator.replica.effects import CloseNode, ToNode
from coordinator.replica.fanout import (
    Session,
    belongs_to,
    frames_for,
    matters,
    run_digest,
)
from coordinator.replica.heartbeats import Heartbeats
from coordinator.replica.leases import Leases
from coordinator.replica.proposals import Answer, Lost, OnAnswer, Proposal, Proposals
from coordinator.replica.reads import Beat, Reads
from coordinator.replica.registering import is_known, join_command
from coordinator.replica.sayings import (
    CallAnswer,
    NodeSaying,
    Registration,
    Welcome,
)


class Sessions:
    """By session number and by node name. One per term."""

    def __init__(
        self, bench: Bench, leases: Leases, desk: Desk, proposals: Proposals, reads: Reads
    ) -> None:
        self._bench = bench
        self._leases = leases
        self._desk = desk
        self._heartbeats = Heartbeats(bench, leases, proposals, reads)
        self._proposals = proposals
        self._by_number: dict[int, Session] = {}
        self._by_name: dict[NodeName, Session] = {}
        self._closed_at: dict[NodeName, Millis] = {}
        # until the old session of the name is closed, or the runs of a cluster before must have ended
        self._waiting: dict[int, Registration] = {}
        self._touched: dict[int, None] = {}
        self.on_connected: Callable[[], None] = _nobody_cares
        self._heartbeats.on_room = lambda: self.on_connected()
        self.on_call_answers: Callable[[int, tuple[CallAnswer, ...]], None] = _nobody_cares
        self.on_forgotten: Callable[[int], None] = _nobody_cares

    def get(self, name: NodeName) -> Session | None:
        return self._by_name.get(name)

    def of_run(self, task: Task) -> Session | None:
        """The open session of the node that has the task's run."""
        session = self._by_name.get(NodeName(task.assignment.node or ""))
        is_there = session is not None and session.accepted and belongs_to(task, session)
        return session if is_there else None

    def touch(self, session: Session) -> None:
        """It has something to be told."""
        self._touched[session.number] = None

    def holds(self, number: int, task_id: TaskId, allocation_id: AllocationId) -> bool:
        """Whether this run is, by the record, one of the node that speaks in this session."""
        session, task = self._by_number.get(number), self._bench.state.tasks.get(task_id)
        return (
            session is not None
            and task is not None
            and task.allocation_id == allocation_id
            and belongs_to(task, session)
        )

    # -- coming and going -------------------------------------------------------------------------

    def opened(self, number: int, registration: Registration) -> None:
        """A node's first words. Its incarnation has to be accepted by the log, once."""
        state = self._bench.state
        if registration.cluster_id and registration.cluster_id != state.cluster_id:
            theirs = registration.cluster_id in state.predecessors
            reason = "restored" if theirs else "wrong_cluster"
            self._close(number, reason, f"this is cluster {state.cluster_id}")
            return
        before = self._by_name.get(registration.name)
        if state.is_held:
            self._waiting[number] = registration
        elif before is None:
            self._register(number, registration)
        elif before.registration.uid != registration.uid:
            detail = f"{registration.name} is the name of another node, {before.incarnation}"
            self._close(number, "node_name_in_use", detail)
        elif before.incarnation == registration.incarnation:
            self._forget(before)
            self._close(before.number, "superseded", "a newer session of this incarnation")
            self._register(number, registration)
        elif before.registration.counter > registration.counter:
            self._close(number, "stale_incarnation", f"{before.incarnation} came after it")
        else:
            self._waiting[number] = registration  # its old life is proven dead by its closing

    def closed(self, number: int) -> None:
        """The stream has ended. Its runs that tolerate overlap may move after the grace (PT-64)."""
        self._waiting.pop(number, None)
        session = self._by_number.get(number)
        if session is None:
            return
        self._forget(session)
        if session.accepted:
            self._closed_at[session.name] = self._bench.now.steady
        self._let_in(session.name)

    def drop(self, name: NodeName, reason: str, detail: str) -> None:
        session = self._by_name.get(name)
        if session is not None:
            self._forget(session)
            self._close(session.number, reason, detail)
        self._bench.view.connected.pop(name, None)
        self._closed_at.pop(name, None)

    def drop_all(self, reason: str) -> None:
        """Leadership is over, or the process is stopping."""
        for number in [*self._by_number, *self._waiting]:
            self._close(number, reason, "")
        self._by_number, self._by_name, self._waiting = {}, {}, {}

    def node_gone(self, name: NodeName, node: Node | None) -> None:
        """The log says it is lost, left or removed."""
        removed = node is None or node.status is NodeStatus.REMOVED
        session = self._by_name.get(name)
        if session is not None and session.accepted:
            self.drop(name, "removed" if removed else "stale_incarnation", "no longer a member")
        self._let_in(name)

    def said(self, number: int, saying: NodeSaying) -> None:
        """One frame of a node."""
        session = self._by_number.get(number)
        if session is None or not session.accepted:
            return
        self._touched[number] = None
        if saying.heartbeat is not None:
            self._heartbeats.heard(session, saying.heartbeat)
        if saying.reports:
            self._desk.reports(session, saying.reports)
        if saying.offers is not None:
            self._changed_offer(session, saying)
        if saying.drain:
            self._desk.drain(session)
        if saying.call_answers:
            self.on_call_answers(number, saying.call_answers)
        if saying.goodbye:
            self._desk.goodbye(session)

    def _let_in(self, name: NodeName) -> None:
        """The old session is over: the next incarnation need not wait any more."""
        for number, registration in list(self._waiting.items()):
            if registration.name == name:
                del self._waiting[number]
                self.opened(number, registration)

    def let_in_all(self) -> None:
        """Whatever they waited for may be over."""
        waiting, self._waiting = self._waiting, {}
        for number, registration in waiting.items():
            self.opened(number, registration)

    # -- registration -----------------------------------------------------------------------------

    def _register(self, number: int, said: Registration) -> None:
        session = Session(number, said.name, said.incarnation, said)
        self._by_number[number] = self._by_name[said.name] = session
        node = self._bench.state.nodes.get(said.name)
        if node is not None and is_known(node, said):
            self._accept(session)
            self._leases.reconnected(said.name)
            return
        request = Request(join_command(said, node, self._bench.state.manifests))
        self._proposals.add(Proposal(request, self._joined(session)))

    def _joined(self, session: Session) -> OnAnswer:
        def answered(answer: Answer) -> None:
            if self._by_number.get(session.number) is not session:
                return
            if isinstance(answer, Lost):
                self._forget(session)
                self._close(session.number, "not_leader", answer.value)
            elif isinstance(answer, Refused):
                self._forget(session)
                self._close(session.number, answer.code.value, answer.detail)
            elif not session.accepted:
                self._accept(session)

        return answered

    def _accept(self, session: Session) -> None:
        session.accepted = True
        self._closed_at.pop(session.name, None)
        self._bench.view.connected[session.name] = session.number
        self.on_connected()
        session.welcome = self._welcome()
        self._touched[session.number] = None

    def _welcome(self) -> Welcome:
        state = self._bench.state
        settings = state.settings
        return Welcome(
            state.cluster_id,
            "",
            settings.heartbeat_ms,
            settings.lease_ms,
            settings.reassign_ms,
            tuple(one.address for one in state.members_by_id() if one.storage_id),
            settings.millis("nodes.disconnect_grace"),
        )

    def _changed_offer(self, session: Session, saying: NodeSaying) -> None:
        said = session.registration
        offers = saying.offers if saying.offers is not None else said.manifests
        errors = saying.load_errors if saying.load_errors is not None else said.load_errors
        node = self._bench.state.nodes.get(session.name)
        command = join_command(said, node, self._bench.state.manifests, offers, errors)
        self._proposals.add(Proposal(Request(command), self._joined(session)))

    def welcome_anew(self) -> None:
        """Nodes learn new settings and coordinators with the next answer; a welcome carries all of them."""
        for session in self._by_number.values():
            if session.accepted:
                session.welcome = self._welcome()
                self._touched[session.number] = None

    def accept_beat(self, beat: Beat) -> None:
        """A quorum round that began after its arrival has succeeded (L5)."""
        session = self._by_number.get(beat.session)
        if session is not None and self._heartbeats.accept(session, beat):
            self._touched[session.number] = None

    def grace_over(self) -> list[NodeName]:
        """Nodes whose session has been gone for longer than the grace; told once each."""
        grace = self._bench.state.settings.millis("nodes.disconnect_grace")
        now = self._bench.now.steady
        over = [n for n in sorted(self._closed_at) if now - self._closed_at[n] >= grace]
        for name in over:
            del self._closed_at[name]
        return over

    # -- frames -----------------------------------------------------------------------------------

    def task_changed(self, old: Task | None, new: Task | None) -> None:
        """Mark what the nodes concerned have to be told."""
        if not matters(old, new):
            return
        for task in (old, new):
            if task is None or task.assignment.node is None:
                continue
            session = self._by_name.get(task.assignment.node)
            if session is None or not belongs_to(task, session) or session.revision < 0:
                continue
            session.changed[task.id] = None
            self._touched[session.number] = None
        self._move_digest(old, new)

    def _move_digest(self, old: Task | None, new: Task | None) -> None:
        if old is not None and new is not None and old.allocation_id == new.allocation_id:
            return
        for task in (old, new):
            if task is None or task.assignment.node is None:
                continue
            session = self._by_name.get(task.assignment.node)
            if session is not None and belongs_to(task, session) and session.revision >= 0:
                session.expected ^= run_digest(task)

    def frames(self) -> None:
        """One frame for each session that has something to be told."""
        touched, self._touched = self._touched | self._desk.answered, {}
        self._desk.answered = {}
        for number in touched:
            session = self._by_number.get(number)
            if session is not None and session.has_something:
                for saying in frames_for(session, self._bench.state, self._bench.term):
                    self._bench.emit(ToNode(number, saying))

    # -- small things -----------------------------------------------------------------------------

    def _forget(self, session: Session) -> None:
        self._by_number.pop(session.number, None)
        if self._by_name.get(session.name) is session:
            del self._by_name[session.name]
        if self._bench.view.connected.get(session.name) == session.number:
            del self._bench.view.connected[session.name]
        self.on_forgotten(session.number)

    def _close(self, number: int, reason: str, detail: str) -> None:
        self._bench.emit(CloseNode(number, reason, detail))


def _nobody_cares(*_: object) -> None:
    """Until somebody wants to know."""
