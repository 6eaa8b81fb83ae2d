"""What exists only while this member leads: duties, leases, sessions, proposals.

Made when the first entry of the term is applied; ended in the turn in which leadership is lost, and
with it every timer, claim and queue (N8). What must outlast it is in the log.
"""

from __future__ import annotations

from coordinator.duties.agenda import Agenda, Item
from coordinator.duties.drain import Drains
from coordinator.duties.due import wake_due
from coordinator.duties.firing import all_due, fire_due
from coordinator.duties.held import place_held
from coordinator.duties.lost_nodes import lose_nodes, lose_shared_runs
from coordinator.duties.prune import prune
from coordinator.duties.reassign_floor import drop_floor
from coordinator.duties.rebalance import Rebalancer
from coordinator.duties.recheck import Rechecker
from coordinator.duties.time_limits import TimeLimits
from coordinator.machine.commands import LoseNode, Request
from coordinator.machine.outcome import Refused, Unlogged
from coordinator.model.events import (
    Event,
    ExecutorsPaused,
    LimitsChanged,
    ManifestsChanged,
    MembersChanged,
    NodeChanged,
    SettingsChanged,
    TaskChanged,
)
from coordinator.model.ids import NodeName, TaskId
from coordinator.model.instants import Instant, Millis
from coordinator.model.nodes import Node, NodeStatus
from coordinator.model.tasks import Code, Status, Task
from coordinator.replica.asking import AskingPass
from coordinator.replica.assigners import Assigners
from coordinator.replica.bench import Bench
from coordinator.replica.creation import Creations
from coordinator.replica.declared import DeclaredTasks
from coordinator.replica.desk import Desk
from coordinator.replica.editing import Edits
from coordinator.replica.effects import Note
from coordinator.replica.last_words import with_last_words
from coordinator.replica.leases import Leases
from coordinator.replica.live import LiveBoard
from coordinator.replica.member_changes import MemberChanges
from coordinator.replica.overtaking import taken_from
from coordinator.replica.pokes import Pokes
from coordinator.replica.proposals import Answer, Lost, OnAnswer, Proposal, Proposals, Wishes
from coordinator.replica.reads import Reads
from coordinator.replica.run_calls import RunCalls
from coordinator.replica.sessions import Sessions
from coordinator.replica.submitting import submitter
from coordinator.replica.together import Together
from coordinator.replica.transitions import (
    has_ended,
    has_freed,
    is_edited,
    is_live,
    offers_anew,
)
from coordinator.replica.validation import Validations


class Leadership:
    """One term as leader. `turn` does what is due; `on_event` follows what was applied."""

    def __init__(
        self,
        term: int,
        bench: Bench,
        proposals: Proposals,
        reads: Reads,
        member_changes: MemberChanges,
    ) -> None:
        self.term = term
        self.bench = bench
        self.proposals = proposals
        self.reads = reads
        self.member_changes = member_changes
        self.leases = Leases()
        self.live = LiveBoard()
        self.rechecker = Rechecker()
        self.assigners = Assigners(bench)
        self.validations = Validations(bench, self.assigners.shown)
        self.creations = Creations(bench, self.assigners, self.validations, proposals)
        self.submit = submitter(proposals, lambda: bench.state)
        self.edits = Edits(bench, self.validations, self.submit)
        self.together = Together(bench, self.edits, proposals, self.submit)
        self.declared = DeclaredTasks(bench, self.creations.begin, self.edits.begin, self.submit)
        self.asking = AskingPass(bench, self.assigners, proposals)
        self.pokes = Pokes(self.look_again)
        poke = lambda: self.pokes.poke(bench.now.steady)  # noqa: E731 - whenever a run asks for it
        desk = Desk(bench, proposals, self.creations.begin, poke, self.live)
        self.sessions = Sessions(bench, self.leases, desk, proposals, reads)
        self.sessions.on_connected = self.look_again
        self.run_calls = RunCalls(term, bench.state, self.sessions, bench.emit)
        self.creations.on_misplaced = self.look_again
        self.time_limits = TimeLimits(bench.state, bench.now.steady)
        self._prune_at: Millis = bench.now.steady
        self._drains = Drains(bench.now.steady)
        self.rebalancer = Rebalancer(bench.now.steady)
        self._floor_dropped = 0  # revision of the floor whose drop is under way
        self._since: Millis = bench.now.steady
        self._open()

    def _open(self) -> None:
        """First of all: what the term begins with."""
        bench, proposals = self.bench, self.proposals
        proposals.completed = lambda command: with_last_words(command, bench.state, self.live)
        proposals.takes_from = lambda command: taken_from(command, bench.state)
        proposals.before_entry = self._fire_before
        if bench.state.is_held:
            said = {"ms": bench.state.reassign_ms}
            bench.emit(Note("info", "nodes wait until runs of the cluster before have ended", said))
        self.refresh_facts()
        live = [n.name for n in bench.state.nodes_by_name() if is_live(n)]
        self.leases.on_first_commit(live, bench.now.steady)

    def look_again(self) -> None:
        """Something that could matter has changed: a setting, room, a node that came back, a poke."""
        self.rechecker.trigger()
        self.asking.trigger()

    # -- following the state --------------------------------------------------------------------

    def refresh_facts(self) -> None:
        self.bench.view.facts = self.bench.facts.all(self.bench.state)

    def on_event(self, event: Event) -> None:
        """Keep memory in step with what was applied; mark what has to be looked at."""
        self.declared.on_event(event)
        match event:
            case TaskChanged(old, new):
                self._on_task(old, new)
            case NodeChanged(name, old_node, new_node):
                self._on_node(name, old_node, new_node)
            case SettingsChanged():
                self.look_again()
                self.leases.settings_changed()
                self.sessions.welcome_anew()
            case LimitsChanged():
                self.look_again()
            case ExecutorsPaused():
                self._tell_pause(event)
                self.look_again()
            case MembersChanged():
                self.sessions.welcome_anew()
            case ManifestsChanged():
                self.refresh_facts()
                self.look_again()
            case _:
                pass

    def _tell_pause(self, event: ExecutorsPaused) -> None:
        what = "executor paused" if event.reason else "executor resumed"
        for name in event.executors:
            said = {"executor": name, "by": event.by, "reason": event.reason}
            self.bench.emit(Note("info", what, said))

    def _on_task(self, old: Task | None, new: Task | None) -> None:
        backlog = self.bench.view.backlog
        self.assigners.shown.follow(old, new)
        self.sessions.task_changed(old, new)
        self.time_limits.follow(old, new, self.bench.now.steady)
        self.rebalancer.task_changed(old, new)
        if old is not None and old.has_node and has_ended(old, new):
            self.live.forget(old.id)
            self.run_calls.run_ended(old.id, old.allocation_id)
        if new is None or new.status is not Status.UNASSIGNED:
            gone = new if new is not None else old
            if gone is not None:
                self._leaves_backlog(gone.id)
        elif new.id not in self.bench.view.busy:
            backlog.add(new)
            if old is None and self.bench.view.asks_itself(new.executor):
                self.asking.look_later()
            elif old is None or old.status is not Status.UNASSIGNED or is_edited(old, new):
                self.look_again()
        if old is not None and old.has_node and has_freed(old, new) and len(backlog):
            self.look_again()
        if old is not None and (new is None or new.is_terminal):
            self.bench.view.exclusions.forget(old.id)

    def _leaves_backlog(self, task_id: TaskId) -> None:
        """Placed, or not wanted any more: then what was kept for it is free for others (TM-59)."""
        view = self.bench.view
        view.backlog.discard(task_id)
        if view.load.reserved is not None and view.load.reserved.task_id == task_id:
            view.load.reserved = None
            self.look_again()

    def _on_node(self, name: NodeName, old: Node | None, new: Node | None) -> None:
        if new is None or not is_live(new):
            self.leases.forget(name)
            self.sessions.node_gone(name, new)
        elif old is None or old.incarnation != new.incarnation or not is_live(old):
            self.leases.joined(name, self.bench.now.steady)
        if offers_anew(old, new):
            self.bench.view.exclusions.offers_anew(name)
        self._drains.node_changed(old, new, self.bench.now.steady)
        self.rebalancer.node_changed(old, new, self.bench.now.steady)
        self.look_again()

    # -- doing what is due ------------------------------------------------------------------------

    def turn(self) -> None:
        """Event-driven duties: cheap when there is nothing to do."""
        self.creations.turn()
        bench = self.bench
        nxt = bench.state.next_wake()
        if nxt is not None and nxt <= bench.at:
            self._propose(wake_due(bench.view, bench.now))
        self.fire()
        for item in place_held(bench.view).items:
            self._add(item, self._held_answered)
        agenda = self.rechecker.run(bench.view, bench.now)
        for item in agenda.items:
            self._add(item, self._pass_answered)
        self.asking.run()
        self.reads.start(bench.now.steady)

    def fire(self, asked: frozenset[TaskId] = frozenset()) -> None:
        """Also before wishes for the tasks `asked` are taken in: a pause takes no fire time away that has come before
        it (G9). With a clock that is wrong only those fire, by the time of the others (T3).
        """
        bench, is_early = self.bench, self._fires_later()
        nxt = None if is_early and not asked else bench.state.next_fire()
        if nxt is None or nxt > bench.at:
            return
        self._propose(fire_due(bench.view, bench.now, asked, others=not is_early))

    def _fire_before(self, wishes: Wishes, at: Instant) -> frozenset[TaskId]:
        """Whatever of these series has come by the stamp of the entry, before what takes it away. Returns those left."""
        items, left = all_due(self.bench.view, wishes, at)
        for item in items:
            self._add(item, _nobody_waits)
        return left

    def next_alarm(self) -> Millis:
        """When a turn is wanted on the steady clock for a fire time; 0: for none."""
        nxt = None if self._fires_later() else self.bench.state.next_fire()
        return 0 if nxt is None else self.bench.view.steady_of(nxt, self.bench.now)

    def _fires_later(self) -> bool:
        """While no entry can be made yet, nothing is decided: the turn that brings the one under way decides all at once."""
        return self.bench.is_skewed or self.proposals.are_on_their_way

    def tick(self) -> None:
        """Duties that go by time alone."""
        bench, steady = self.bench, self.bench.now.steady
        lost = self.leases.lost(steady, bench.state.reassign_ms)
        if lost:
            self._lose([(name, self.leases.age(name, steady) or 0) for name in lost])
        if bench.view.exclusions.ended(steady):
            self.look_again()
        if steady >= self._prune_at:
            agenda = prune(bench.view, bench.now)
            self._prune_at = max(agenda.wake_at or 0, steady + 200)
            self._propose(agenda)
        self._propose(self._drains.run(bench.view, bench.now))
        self._propose(self.rebalancer.run(bench.view, bench.now))
        for name in self.sessions.grace_over():
            self._propose(lose_shared_runs(name, bench.view, bench.now, bench.dice))
        self._propose(self.time_limits.overdue(steady))
        self._drop_floor()
        self.member_changes.tick()
        self.asking.tick()
        self.pokes.tick(steady)
        self.declared.tick(steady)

    def stalled(self, millis: Millis) -> None:
        """Our own loop stood still: nobody may be blamed for it (L6)."""
        settings = self.bench.state.settings
        if millis > settings.reassign_ms - settings.lease_ms:
            self.leases.on_stall(self.bench.now.steady)

    def _lose(self, lost: list[tuple[NodeName, Millis]]) -> None:
        for name, _ in lost:
            node = self.bench.state.nodes.get(name)
            removed = node is not None and node.status is NodeStatus.REMOVED
            reason = "removed" if removed else "superseded"
            self.sessions.drop(name, reason, "this node was given up for lost")
        for item in lose_nodes(lost, self.bench.view, self.bench.now, self.bench.dice).items:
            then: OnAnswer = _nobody_waits
            if isinstance(item.command, LoseNode):
                then = self._loss_answered(item.command.name)
            self._add(item, then)

    def _drop_floor(self) -> None:
        floor = self.bench.state.reassign_floor
        if floor is None or floor.revision == self._floor_dropped:
            return
        if floor.restored and self.bench.now.steady - self._since < floor.reassign_ms:
            return
        for item in drop_floor(self.bench.state, self.leases.confirmed()).items:
            self._floor_dropped = floor.revision
            self._add(item, self._floor_answered)

    def _floor_answered(self, answer: Answer) -> None:
        if isinstance(answer, Lost):
            self._floor_dropped = 0
        self.sessions.let_in_all()

    def _loss_answered(self, name: NodeName) -> OnAnswer:
        """Proposed again unless the law has spoken; without last words where they may be what is wrong with it."""

        def answered(answer: Answer) -> None:
            if isinstance(answer, Unlogged):
                for task_id in self.bench.state.on_node.get(name, ()):
                    self.live.forget(task_id)
            if isinstance(answer, (Lost, Unlogged)):
                self.leases.spare(name)

        return answered

    def _propose(self, agenda: Agenda) -> None:
        for item in agenda.items:
            self._add(item, _nobody_waits)

    def _held_answered(self, _: Answer) -> None:
        self.look_again()  # what its node would not have may go elsewhere

    def _pass_answered(self, answer: Answer) -> None:
        if isinstance(answer, Lost):
            self.rechecker.not_committed(self.bench.now.steady)
        else:
            self.rechecker.answered(1)

    def _add(self, item: Item, then: OnAnswer) -> None:
        """Propose for a duty. A task that was not placed after all goes back into the backlog."""

        def answered(answer: Answer) -> None:
            then(answer)
            for task_id in item.tasks:
                task = self.bench.state.tasks.get(task_id)
                if task is not None and task.status is Status.UNASSIGNED:
                    self.bench.view.backlog.add(task)
                    if isinstance(answer, Refused):  # the choice no longer held (PT-34)
                        self.rechecker.trigger()
                    if self.bench.view.asks_itself(task.executor):
                        self.asking.trigger()  # it has become due, for instance
                    elif task.assignment.code is Code.AWAITING_FIRST_ASSIGNMENT:
                        self.rechecker.trigger()  # with too many others for a look of its own

        request = Request(item.command)
        self.proposals.add(Proposal(request, answered, item.claims, item.tasks, item.fresh))


def _nobody_waits(_: Answer) -> None:
    """What it changed is seen in the state."""
