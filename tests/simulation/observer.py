"""Where everything that happens is shown to the laws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from coordinator.consensus.messages import Message
from coordinator.machine.outcome import Accepted
from coordinator.replica.effects import Applied, Effect, Halt, Persist, StateReplaced
from coordinator.replica.inputs import Input, StoreFailed
from tests.simulation.consensus_laws import ConsensusLaws
from tests.simulation.executors import LIMITED
from tests.simulation.history import Operation
from tests.simulation.laws import Broken
from tests.simulation.round_laws import RoundLaws
from tests.simulation.state_laws import StateLaws
from tests.simulation.verbs import runs_allowed

if TYPE_CHECKING:
    from tests.simulation.member import Coordinator, MemberLife
    from tests.simulation.world import World


class Observer:
    """One per world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.consensus = ConsensusLaws()
        self.rounds = RoundLaws()
        self.state = StateLaws()
        self._rotten: set[int] = set()
        self._highest = 0  # revision acknowledged to anybody so far
        self._acknowledged: list[tuple[int, int]] = []  # (true time, highest revision by then)

    # -- lives ------------------------------------------------------------------------------------

    def born(self, life: MemberLife) -> None:
        self.consensus.born(life)

    def died(self, life: MemberLife) -> None:
        self.consensus.died(life)
        self.rounds.died(life)

    def rotten(self, place: Coordinator) -> None:
        self._rotten.add(place.number)

    def opened(self, place: Coordinator) -> None:
        """A directory in which something was changed behind our back has been believed."""
        if place.number in self._rotten:
            raise Broken("D5 rot is found", f"{place.name} serves a directory that has rotted")

    def halted(self, life: MemberLife, exit_code: int, reason: str) -> None:
        """Only a failing disk may end a member."""
        if "fsync failed" not in reason:
            raise Broken("no member halts", f"{life.name}: {exit_code} {reason}")

    def fsync_failed(self, life: MemberLife) -> None:
        self._world.tally["fsync failed"] += 1

    # -- turns ------------------------------------------------------------------------------------

    def after_turn(
        self, life: MemberLife, inputs: Sequence[Input], effects: Sequence[Effect]
    ) -> None:
        self.consensus.after_turn(life, inputs)
        self.rounds.after_turn(life, inputs, effects)
        applied = False
        for effect in effects:
            if isinstance(effect, Applied):
                self.state.applied(life, effect)
                applied = True
            elif isinstance(effect, StateReplaced):
                self._world.tally["snapshot/installed"] += 1
                applied = True
        if applied:
            self.state.after_turn(life)
            self._limits(life)
        for given in inputs:
            failed = isinstance(given, StoreFailed) and given.kind == "io"
            if failed and not any(isinstance(effect, Halt) for effect in effects):
                raise Broken("D8 a failed fsync ends the process", life.name)

    def _limits(self, life: MemberLife) -> None:
        runs = life.replica.state.limit_runs.get(LIMITED.name, 0)
        if runs > LIMITED.declared and runs > runs_allowed(self._world.history.operations):
            raise Broken("TM-60 concurrency limits hold", f"{life.name}: {runs} {LIMITED.name}")

    def persisting(self, life: MemberLife, effect: Persist) -> None:
        self.consensus.persisting(life, effect)

    def sending(self, life: MemberLife, to: int, messages: tuple[Message, ...]) -> None:
        self.consensus.sending(life, messages)

    # -- callers ----------------------------------------------------------------------------------

    def answered(self, operation: Operation) -> None:
        """A call that began after another was answered reflects at least what that one did (G2), and what was
        acknowledged is committed (G1).
        """
        if operation.kind == "stale":
            return
        if operation.revision > self.consensus.last_committed:
            raise Broken("G1 acknowledged means committed", str(operation))
        floor = self._floor(operation.called)
        if operation.revision < floor:
            raise Broken("G2 an answer from the past", f"{operation}, {floor} was known before")
        self._highest = max(self._highest, operation.revision)
        self._acknowledged.append((operation.returned, self._highest))
        outcome = operation.result
        if operation.kind in ("create", "series") and isinstance(outcome, Accepted):
            whose = self.state.allocations.get(outcome.allocation_id)
            if whose != operation.key:
                raise Broken("G1 acknowledged means applied", f"{operation}, but id is of {whose}")

    def _floor(self, called: int) -> int:
        """The highest revision that anybody had been told of before this instant."""
        for when, highest in reversed(self._acknowledged):
            if when < called:
                return highest
        return 0
