"""What this process knows of itself: condition, disk, age. Kept up to date by listening; read by the handlers."""

from __future__ import annotations

from collections.abc import Callable

from coordinator.api.door import MemberFacts, Told
from coordinator.client.release import RELEASE
from coordinator.replica.effects import LeadershipChanged
from coordinator.replica.replica import Replica
from coordinator.shell.clock import steady_ms
from coordinator.shell.options import ServerSettings
from coordinator.shell.store_port import StoreFailure, StorePort, Trouble


class OwnFacts:
    """`read` gives the present facts."""

    def __init__(
        self,
        settings: ServerSettings,
        store: StorePort,
        plugins: Callable[[], tuple[str, ...]],
        replica: Replica,
        reachable: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._store = store
        self._plugins = plugins
        self._replica = replica
        self._reachable = reachable
        self._born = steady_ms()
        self._terms: set[int] = set()
        self.condition = "ok"

    def on_store_failed(self, failure: StoreFailure) -> None:
        if failure.kind is Trouble.DISK_FULL:
            self.condition = "disk_full"
        elif failure.kind is Trouble.RECOVERED:
            self.condition = "ok"
        elif failure.kind is Trouble.DAMAGED:
            self.condition = "damaged"

    def listen(self, effect: Told) -> None:
        """Terms in which a leader was seen: elections since this process began."""
        if isinstance(effect, LeadershipChanged) and effect.leader:
            self._terms.add(effect.term)

    def read(self) -> MemberFacts:
        stats = self._store.stats()
        return MemberFacts(
            name=self._settings.name,
            member_id=self._store.identity.member_id or 0,
            address=self._settings.listen,
            http=self._settings.http,
            condition=self.condition,
            fsync_p99_ms=stats.fsync_p99_ms,
            disk_free_bytes=stats.free_bytes,
            snapshot_index=self._replica.snapshot_index,
            log_entries=self._replica.log_entries,
            uptime_ms=steady_ms() - self._born,
            elections=len(self._terms),
            version=RELEASE,
            executors_here=self._plugins(),
            reachable=self._reachable(),
        )
