"""From the state of a member to a `Ready`: what is new since the last one, in both modes of storage."""

from __future__ import annotations

from coordinator.consensus.core import Core
from coordinator.consensus.errors import ConsensusBroken
from coordinator.consensus.messages import (
    APPEND_THREAD,
    APPLY_THREAD,
    Entry,
    HardState,
    Message,
    Snapshot,
    StorageAppendReply,
    StorageApplyReply,
)
from coordinator.consensus.ready import Ready, StorageAppend, StorageApply

_NOTHING = HardState()


class Handout:
    """Remembers what was given out last."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._is_async = core.config.async_storage_writes
        self._soft_state = core.soft_state()
        self._hard_state = core.hard_state()
        self._steps: tuple[Message, ...] = ()  # simple mode: what `advance` has to step

    def has_ready(self) -> bool:
        core = self._core
        unstable = core.log.unstable
        if core.now or core.after or core.read_states or unstable.has_next_entries():
            return True
        if core.log.has_next_committed(allow_unstable=not self._is_async):
            return True
        if unstable.next_snapshot() is not None or core.soft_state() != self._soft_state:
            return True
        return core.hard_state() not in (self._hard_state, _NOTHING)

    def take(self) -> Ready:
        """Make the next `Ready`, after which its contents count as given out."""
        if self._steps:
            raise ConsensusBroken("a second Ready was taken without advance()")
        core, unstable = self._core, self._core.log.unstable
        entries, snapshot = unstable.next_entries(), unstable.next_snapshot()
        committed = core.log.next_committed(allow_unstable=not self._is_async)
        hard_state, must_sync = self._next_hard_state(has_entries=bool(entries))
        soft_state = core.soft_state()
        after = core.after
        stored = self._stored_reply(snapshot)
        append: StorageAppend | None = None
        apply: StorageApply | None = None
        if self._is_async:
            append = self._storage_append(
                (hard_state, snapshot, entries), stored, must_sync=must_sync
            )
            apply = StorageApply(committed, self._applied_reply(committed)) if committed else None
            after = []
        else:
            mine = [message for message in after if message.to == core.id]
            self._steps = (*mine, *stored, *self._applied_reply(committed))
        ready = Ready(
            soft_state=None if soft_state == self._soft_state else soft_state,
            read_states=tuple(core.read_states),
            send_now=tuple(core.now),
            hard_state=hard_state,
            snapshot=snapshot,
            entries=entries,
            send_after=tuple([message for message in after if message.to != core.id]),
            committed=committed,
            must_sync=must_sync,
            storage_append=append,
            storage_apply=apply,
        )
        self._soft_state = soft_state
        self._given_out(committed)
        return ready

    def take_steps(self) -> tuple[Message, ...]:
        """What has to be stepped when the last `Ready` is done."""
        steps, self._steps = self._steps, ()
        return steps

    def _next_hard_state(self, *, has_entries: bool) -> tuple[HardState | None, bool]:
        now, last = self._core.hard_state(), self._hard_state
        if now == last:
            return None, has_entries
        self._hard_state = now
        return now, has_entries or (now.term, now.vote) != (last.term, last.vote)

    def _stored_reply(self, snapshot: Snapshot | None) -> tuple[Message, ...]:
        """What storage has to say when all that was ever given out is on disk."""
        core = self._core
        if core.log.unstable.entries:
            last_term, last_index = core.log.last_term(), core.log.last_index()
        elif snapshot is not None:
            last_term = last_index = 0
        else:
            return ()
        return (
            StorageAppendReply(APPEND_THREAD, core.id, core.term, last_term, last_index, snapshot),
        )

    def _applied_reply(self, committed: tuple[Entry, ...]) -> tuple[Message, ...]:
        if not committed:
            return ()
        return (StorageApplyReply(APPLY_THREAD, self._core.id, 0, committed),)

    def _storage_append(
        self,
        work: tuple[HardState | None, Snapshot | None, tuple[Entry, ...]],
        stored: tuple[Message, ...],
        *,
        must_sync: bool,
    ) -> StorageAppend | None:
        hard_state, snapshot, entries = work
        if hard_state is None and snapshot is None and not entries and not self._core.after:
            return None
        return StorageAppend(
            hard_state=hard_state,
            snapshot=snapshot,
            entries=entries,
            responses=(*self._core.after, *stored),
            must_sync=must_sync or snapshot is not None,
        )

    def _given_out(self, committed: tuple[Entry, ...]) -> None:
        core = self._core
        core.now, core.after, core.read_states = [], [], []
        core.reads.close()
        core.log.unstable.given_out()
        if committed:
            core.log.given_to_apply(committed, allow_unstable=not self._is_async)
