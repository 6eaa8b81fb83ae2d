"""What a leader sends: entries, snapshots, heartbeats."""

from __future__ import annotations

from coordinator.consensus.core import Core
from coordinator.consensus.errors import Compacted, ConsensusBroken, Unavailable
from coordinator.consensus.messages import Append, Entry, Heartbeat, InstallSnapshot, MemberId
from coordinator.consensus.progress import Progress, ProgressState


def broadcast_append(core: Core, *, even_if_empty: bool = True) -> None:
    """Send to every other member what it lacks."""
    for member, progress in core.tracker.progress.items():
        if member != core.id:
            _send(core, member, progress, even_if_empty=even_if_empty)


def send_append(core: Core, to: MemberId, *, even_if_empty: bool = True) -> bool:
    """Send what the member lacks, unless it is paused. Whether anything was sent."""
    return _send(core, to, core.tracker.progress[to], even_if_empty=even_if_empty)


def _send(core: Core, to: MemberId, progress: Progress, *, even_if_empty: bool) -> bool:
    if progress.is_paused:
        return False
    log = core.log
    previous = progress.next - 1
    entries: tuple[Entry, ...] = ()
    try:
        previous_term = log.term(previous)
        # With a full window an empty message still goes out: all that filled the window may be lost, and only an
        # answer opens it again.
        if progress.state is not ProgressState.REPLICATE or not progress.is_window_full:
            entries = log.entries_from(progress.next, core.config.max_size_per_message)
    except (Compacted, Unavailable):
        return _send_snapshot(core, to, progress)
    if not entries and not even_if_empty:
        return False
    commit = log.committed
    core.now.append(Append(core.id, to, core.term, previous_term, previous, commit, entries))
    progress.sent_entries(len(entries))
    progress.sent_commit = commit
    return True


def _send_snapshot(core: Core, to: MemberId, progress: Progress) -> bool:
    if not progress.recently_active:
        return False
    snapshot = core.log.snapshot()
    if snapshot is None:
        return False
    if snapshot.index == 0:
        raise ConsensusBroken(f"member {to} needs a snapshot and storage has an empty one")
    progress.become_snapshot(snapshot.index)
    core.now.append(InstallSnapshot(core.id, to, core.term, snapshot))
    return True


def broadcast_heartbeat(core: Core) -> None:
    """Tell every other member that we lead, and how far it may commit of what it is known to hold."""
    committed = core.log.committed
    newest = core.reads.newest
    for member, progress in core.tracker.progress.items():
        if member != core.id:
            commit = min(progress.match, committed)
            core.now.append(Heartbeat(core.id, member, core.term, commit, newest))
            progress.sent_commit = commit
