"""The leader: beginning, hearing the others' answers, committing, handing leadership over."""

from __future__ import annotations

from coordinator.consensus import proposals, reading, replication
from coordinator.consensus.core import Core
from coordinator.consensus.errors import ConsensusBroken
from coordinator.consensus.messages import (
    NO_MEMBER,
    AppendAccepted,
    AppendRejected,
    Entry,
    EntryKind,
    HeartbeatReply,
    MemberId,
    TimeoutNow,
    TransferLeader,
)
from coordinator.consensus.progress import Progress, ProgressState
from coordinator.consensus.ready import Role


def begin(core: Core) -> None:
    """An election is won. An empty entry of the new term makes all before it committable."""
    core.become_leader()
    if not proposals.append_as_leader(core, (Entry(0, 0, EntryKind.NORMAL, b""),)):
        raise ConsensusBroken("an empty entry was refused")
    replication.broadcast_append(core)


def tick(core: Core) -> None:
    """Count both timers: the check of the quorum, then heartbeats."""
    core.heartbeat_elapsed += 1
    core.election_elapsed += 1
    if core.election_elapsed >= core.config.election_tick:
        core.election_elapsed = 0
        if core.config.check_quorum:
            _check_quorum(core)
        core.transferee = NO_MEMBER
    if core.role is Role.LEADER and core.heartbeat_elapsed >= core.config.heartbeat_tick:
        core.heartbeat_elapsed = 0
        replication.broadcast_heartbeat(core)


def _check_quorum(core: Core) -> None:
    if not core.tracker.is_quorum_active():
        core.become_follower(core.term, NO_MEMBER)
    core.tracker.forget_activity(core.id)


def maybe_commit(core: Core) -> bool:
    """Commit what a quorum holds, if that is an entry of this term. Whether the commit index moved."""
    index = core.tracker.committed_index()
    if index <= core.log.committed or not core.log.matches(core.term, index):
        return False
    core.log.commit_to(index)
    reading.release_postponed(core)
    return True


def handle_accepted(core: Core, message: AppendAccepted) -> None:
    """A member (it may be us) holds our log up to an index."""
    member, index = message.sender, message.match_index
    progress = core.tracker.progress.get(member)
    if progress is None or index > core.log.last_index():
        return
    progress.recently_active = True
    is_news = progress.accept(index)
    if not is_news and not (progress.match == index and progress.state is ProgressState.PROBE):
        return
    _move_on(core, progress, index)
    if maybe_commit(core):
        replication.broadcast_append(core)
    elif member != core.id and progress.wants_commit(core.log.committed):
        replication.send_append(core, member)
    if member != core.id:
        while replication.send_append(core, member, even_if_empty=False):
            pass
    if member == core.transferee and progress.match == core.log.last_index():
        _time_out_now(core, member)


def _move_on(core: Core, progress: Progress, index: int) -> None:
    match progress.state:
        case ProgressState.PROBE:
            progress.become_replicate()
        case ProgressState.REPLICATE:
            progress.free_up_to(index)
        case ProgressState.SNAPSHOT:
            # Whatever snapshot it took: from here the log suffices.
            if progress.match + 1 >= core.log.first_index():
                progress.become_probe()
                progress.become_replicate()


def handle_rejected(core: Core, message: AppendRejected) -> None:
    """A member's log differs: find where they may agree, and try there."""
    progress = core.tracker.progress.get(message.sender)
    if progress is None:
        return
    progress.recently_active = True
    hint = message.hint_index
    if message.hint_term > 0:
        # Skip all of ours that is of a later term than its entry at the hint: it cannot be there.
        hint, _ = core.log.agreement(hint, message.hint_term)
    if progress.reject(message.asked_index, hint):
        if progress.state is ProgressState.REPLICATE:
            progress.become_probe()
        replication.send_append(core, message.sender)


def handle_heartbeat_reply(core: Core, message: HeartbeatReply) -> None:
    """A member lives; it may confirm a round of reads."""
    progress = core.tracker.progress.get(message.sender)
    if progress is None:
        return
    progress.recently_active = True
    progress.flow_paused = False
    if progress.match < core.log.last_index() or progress.state is ProgressState.PROBE:
        replication.send_append(core, message.sender)
    reading.acknowledge(core, message.sender, message.read_round)


def report_unreachable(core: Core, member: MemberId) -> None:
    """Messages to a member were lost: what was sent on trust has to be asked about."""
    progress = core.tracker.progress.get(member)
    if progress is not None and progress.state is ProgressState.REPLICATE:
        progress.become_probe()


def report_snapshot(core: Core, member: MemberId, *, ok: bool) -> None:
    """The snapshot to a member arrived or failed. Either way the next message waits for a sign of life."""
    progress = core.tracker.progress.get(member)
    if progress is None or progress.state is not ProgressState.SNAPSHOT:
        return
    if not ok:
        progress.pending_snapshot = 0
    progress.become_probe()
    progress.flow_paused = True


def handle_transfer(core: Core, message: TransferLeader) -> None:
    """A follower passed on the wish to hand leadership over."""
    transfer(core, message.transferee)


def transfer(core: Core, member: MemberId) -> None:
    """Hand leadership to a voter as soon as it has everything; given up after an election time-out."""
    progress = core.tracker.progress.get(member)
    if progress is None or progress.is_learner or member == core.transferee:
        return
    core.transferee = NO_MEMBER
    if member == core.id:
        return
    core.election_elapsed = 0
    core.transferee = member
    if progress.match == core.log.last_index():
        _time_out_now(core, member)
    else:
        replication.send_append(core, member)


def _time_out_now(core: Core, member: MemberId) -> None:
    core.now.append(TimeoutNow(core.id, member, core.term))
