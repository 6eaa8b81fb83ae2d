"""The executor's own `validate`, asked in the helper process about a record as it would be (PT-20, PT-44)."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from coordinator.machine.outcome import Refusal, Unlogged
from coordinator.model.instants import SECOND, Millis
from coordinator.model.tasks import Task
from coordinator.replica.bench import Bench
from coordinator.replica.effects import AskPlugin
from coordinator.replica.inputs import PluginAnswered
from coordinator.replica.proposals import Lost
from coordinator.replica.questions import validate_payload
from coordinator.replica.shown import Shown

Verdict = Unlogged | Lost | None  # None: nothing against it
Then = Callable[[Verdict], None]


class _Question(msgspec.Struct):
    draft: Task
    then: Then
    shown: int  # number of the words on tasks that went with it


class _Slow(msgspec.Struct, frozen=True, gc=False):
    """A `validate` that overran: how often in a row, and when (steady) it may be asked again."""

    times: int
    until: Millis


class Validations:
    """Questions under way, in one term."""

    def __init__(self, bench: Bench, shown: Shown) -> None:
        self._bench = bench
        self._shown = shown
        self._asked: dict[int, _Question] = {}
        self._slow: dict[str, _Slow] = {}

    def ask(self, draft: Task, then: Then) -> None:
        """`then` gets the verdict, now or when the helper has answered."""
        bench, executor = self._bench, draft.executor
        slow = self._slow.get(executor)
        if slow is not None and bench.now.steady < slow.until:
            text = f"validate of {executor} gave no answer in time; it will be asked again"
            then(Unlogged(Refusal.VALIDATION_FAILED, text))
            return
        call, words = bench.next_call(), self._shown.words(executor)
        self._asked[call] = _Question(draft, then, words.number)
        timeout = bench.state.settings.millis("assignment.assigner_timeout")
        payload = validate_payload(bench.view, draft, words, bench.now)
        bench.emit(AskPlugin(call, "validate", executor, payload, timeout))

    def answered(self, answer: PluginAnswered) -> bool:
        """The helper's word; False if the call is not ours."""
        question = self._asked.pop(answer.call, None)
        if question is None:
            return False
        executor = question.draft.executor
        if answer.kind == "stale":
            self._shown.begin_anew(executor, question.shown)
            self.ask(question.draft, question.then)
            return True
        self._note_pace(executor, is_slow=answer.kind == "timeout")
        if answer.kind == "ok":
            question.then(None)
            return True
        text = answer.text or f"validate of {executor}: {answer.kind}"
        question.then(Unlogged(Refusal.VALIDATION_FAILED, text))
        return True

    def drop(self) -> None:
        """Leadership is over."""
        asked, self._asked = self._asked, {}
        for question in asked.values():
            question.then(Lost.NOT_LEADER)

    def _note_pace(self, executor: str, *, is_slow: bool) -> None:
        """Each overrun costs a helper process: asked again after 1 s, doubling up to the recheck interval (PT-44)."""
        before = self._slow.pop(executor, None)
        if not is_slow:
            return
        times = before.times + 1 if before is not None else 1
        most = self._bench.state.settings.millis("assignment.recheck_interval")
        wait = min(most, SECOND << min(times - 1, 12))
        self._slow[executor] = _Slow(times, self._bench.now.steady + wait)
