"""Heartbeats, and what the lease demands (L1, L2, L8, PT-69). Pure."""

from __future__ import annotations

from zlib import crc32

from coordinator.client.node_values import Heartbeat, HeartbeatAnswer, Welcome
from node.core_desk import Desk
from node.core_fleet import Fleet
from node.core_overload import Overload
from node.core_runs import LocalRun, Runs
from node.core_stops import Stops
from node.core_table import Local
from node.effects import EXIT_ANEW, ArmKiller, Exit, SendHeartbeat
from node.lease import Lease, Stage

BEAT_FRESH_MS = 350  # the supervisor feeds a byte every 100 ms
FIRST_LEASE_MS = 6_000
STRETCHED = 1.5  # a beat so much longer is spread anew


def own_share(incarnation: str, length_ms: int) -> int:
    """From 1 to `length_ms`, evenly over many incarnations and always the same for one."""
    return 1 + crc32(incarnation.encode()) * length_ms // 2**32


class Beats:
    """Sends a heartbeat when one is due, as long as the supervisor lives, and enforces the end of the lease."""

    def __init__(
        self, desk: Desk, runs: Runs, fleet: Fleet, stops: Stops, overload: Overload
    ) -> None:
        self.lease = Lease(FIRST_LEASE_MS)
        self._desk = desk
        self._runs = runs
        self._fleet = fleet
        self._stops = stops
        self._overload = overload
        self._heartbeat_ms = 500
        self._spread_for = 0  # the length of beat for which this node has found its own time
        self._is_open = False
        self._list_runs = False
        self._fed_at: int | None = None
        self._is_overdue = False
        self._beat_timer = 0
        self._lease_timer = 0
        self._orphan_timer = 0
        self._armed_at: int | None = None
        self._killed: set[int] = set()  # runs that were counted, and may be dying still
        self.lease_stops = {"cancel": 0, "kill": 0}  # runs asked to end, or killed, by its end

    # --- the session -------------------------------------------------------------------------------------------------

    def session_opened(self, term: int, welcome: Welcome) -> None:
        """The first heartbeat goes at once and lists the runs."""
        self.lease.welcomed(term, welcome.lease_ms)
        self._heartbeat_ms = welcome.heartbeat_ms
        self._is_open = True
        self._list_runs = True
        self._spread_for = 0
        self._watch_lease()
        self._beat(0)

    def new_values(self, welcome: Welcome) -> None:
        """Settings changed during the session: a shorter lease counts at once, a longer one when next accepted."""
        self.lease.shorten(welcome.lease_ms)
        self._heartbeat_ms = welcome.heartbeat_ms
        self._watch_lease()

    def session_closed(self) -> None:
        self._is_open = False
        if self.lease.until is None:
            self._count_orphans()

    def runs_asked(self) -> None:
        self._list_runs = True

    def answered(self, answer: HeartbeatAnswer) -> bool:
        """An acceptance; True if it moved the lease on."""
        if not self.lease.accepted(answer.term, answer.sequence, answer.lease_ms):
            return False
        self._heartbeat_ms = answer.heartbeat_ms
        self._watch_lease()
        return True

    def supervisor_beat(self) -> None:
        """A heartbeat that had to wait for the supervisor goes now."""
        self._fed_at = self._desk.now
        if self._is_overdue:
            self._beat(0)

    def _beat(self, _: int) -> None:
        self._desk.timers.cancel(self._beat_timer)
        self._beat_timer = 0
        if not self._is_open:
            return
        now = self._desk.now
        self._is_overdue = self._fed_at is None or now - self._fed_at > BEAT_FRESH_MS
        if self._is_overdue:
            return
        runs = self._runs.listed() if self._list_runs else None
        self._list_runs = False
        lease = self.lease
        self._desk.ask(
            SendHeartbeat(
                Heartbeat(
                    lease.sending(now),
                    lease.accepted_sequence,
                    lease.lease_ms,
                    self._runs.digest,
                    runs,
                    self._overload.told,
                    self._overload.reason,
                )
            )
        )
        self._beat_timer = self._desk.after(self._pause(), self._beat)

    def _pause(self) -> int:
        """Sessions that opened together, after a change of leader, soon beat each at a time of its own (S34)."""
        if self._heartbeat_ms < self._spread_for * STRETCHED:
            return self._heartbeat_ms
        self._spread_for = self._heartbeat_ms
        return own_share(self._desk.config.incarnation, self._heartbeat_ms)

    # --- the lease ---------------------------------------------------------------------------------------------------

    def _watch_lease(self) -> None:
        """Be woken at the next stage of the lease; a lease that was moved on calls off what its end had begun."""
        self._desk.timers.cancel(self._lease_timer)
        self._lease_timer = 0
        lease, now = self.lease, self._desk.now
        for at in (lease.cancel_at, lease.kill_at, lease.until):
            if at is not None and at > now:
                self._lease_timer = self._desk.timers.at(at, self._look)
                break
        if self._orphan_timer and lease.stage(now) is not Stage.OVER:
            self._desk.timers.cancel(self._orphan_timer)
            self._orphan_timer = 0

    def _look(self, _: int) -> None:
        stage = self.lease.stage(self._desk.now)
        if stage is Stage.CANCEL:
            self._cancel_exclusive()
        elif stage >= Stage.KILL:
            self._cancel_exclusive()
            self._kill_exclusive()
        if stage is Stage.OVER:
            self._over()
        self._watch_lease()

    def _kill_exclusive(self) -> None:
        late = {run.allocation_id for run in self._runs.executing() if run.wanted.exclusive}
        self.lease_stops["kill"] += len(late - self._killed)
        self._killed = late
        self._fleet.kill_exclusive()

    def _cancel_exclusive(self) -> None:
        kill_at = self.lease.kill_at
        grace = None if kill_at is None else max(0, kill_at - self._desk.now)
        for run in self._runs.executing():
            if run.wanted.exclusive:
                self._stop(run, grace)

    def _stop(self, run: LocalRun, grace_ms: int | None) -> None:
        was = run.stop_reason
        self._stops.stop(run, "lease", grace_ms)
        if run.stop_reason == "lease" != was:
            self.lease_stops["cancel"] += 1

    def _over(self) -> None:
        if self._fleet.has_exclusive:
            self._desk.ask(Exit(EXIT_ANEW, "an exclusive run could not be ended within the lease"))
        self._count_orphans()

    def _count_orphans(self) -> None:
        if not self._orphan_timer:
            self._orphan_timer = self._desk.after(
                self._desk.config.orphan_limit_ms, self._orphans_too_old
            )

    def _orphans_too_old(self, _: int) -> None:
        self._orphan_timer = 0
        for run in self._runs.executing():
            if run.state is not Local.STOPPING:
                self._stop(run, None)

    def arm_killer(self) -> None:
        """Keep the kernel's timer at the end of the lease while code of an exclusive run may live. Called after every input."""
        wish = self.lease.until if self._fleet.has_exclusive else None
        if wish != self._armed_at:
            self._armed_at = wish
            self._desk.ask(ArmKiller(wish))
