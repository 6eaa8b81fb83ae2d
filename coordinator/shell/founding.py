"""How a cluster is born: once, by all named members together (design section 6).

Every empty member introduces itself to all others of its `--peers`. When all are present, empty and of one mind about
the list, the first in name order draws the cluster id and hands the first snapshot to the others. An empty member that
meets a founded one, or not all others, never founds; it may be awaited there (`joining`).

What a crash can leave behind:
- before the founder's own snapshot is on its disk: nobody has seen the cluster id; the next try draws another.
- after it, at any moment: the founder is founded and the snapshot names the storage ids of all. Whoever lacks it goes
  on introducing itself, and each founded member hands it the same snapshot again, if it lists that very directory.
The founder stores first and speaks afterwards, so one storage id never draws two cluster ids. Handing the snapshot
again is harmless however old the cluster is: a directory that lacks it has voted for nothing and promised nothing,
while an emptied one carries another storage id and gets none (D11).

Members that were restored from a backup found in the same way, each with its own copy of the state: see `seed`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping

import grpc.aio

from coordinator.codec.snapshots import digest
from coordinator.consensus.messages import ConfState, Snapshot
from coordinator.model.limits import COORDINATORS_MAX
from coordinator.shell.data_dir import left_text
from coordinator.shell.founding_record import (
    FIRST_INDEX,
    FIRST_TERM,
    founding_record,
    read_record,
    write_record,
)
from coordinator.shell.joining import admitted, named_by, tell_what_keeps_us_out
from coordinator.shell.logs import Log
from coordinator.shell.options import ServerSettings
from coordinator.shell.peer_channel import open_channel
from coordinator.shell.seed import (
    OtherState,
    Seed,
    differing,
    drop_seed,
    find_seed,
    first_snapshot,
    first_state,
)
from coordinator.shell.standing import Standing
from coordinator.shell.store_port import DataDirError, StorePort
from coordinator.wire.v1.internal_pb2 import FoundReply, FoundRequest, Introduction
from coordinator.wire.v1.internal_pb2_grpc import PeerStub

CALL_TIMEOUT_S = 2.0
RETRY_S = 0.25


class Founding:
    """The founding as one member lives it: `wait` ends when the store is founded."""

    def __init__(
        self, settings: ServerSettings, store: StorePort, standing: Standing, log: Log
    ) -> None:
        self._settings = settings
        self._store = store
        self._standing = standing
        self._log = log
        self._founded = asyncio.Event()
        self._others = {n: a for n, a in settings.peers if n != settings.name}
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._handing: dict[str, asyncio.Task[None]] = {}
        self._seed: Seed | None = None
        if store.identity.founded:
            self._founded.set()
            drop_seed(settings.data_dir)
        elif (seed := find_seed(settings.data_dir)) is not None:
            self._seed, standing.seed = seed, seed.digest

    async def wait(self) -> None:
        """Returns when this member belongs to a cluster; asks around until then. Raises DataDirError."""
        if self._founded.is_set():
            await self._look_at_company()
        while not self._founded.is_set():
            theirs = await self._introduce_to_all()
            if self._join(theirs):
                break
            waiting_for = self._what_is_missing(theirs)
            if not waiting_for and self._settings.name == self._settings.peers[0][0]:
                self._found(theirs)
                break
            self._tell(theirs, waiting_for)
            try:
                async with asyncio.timeout(RETRY_S * random.uniform(0.6, 1.0)):
                    await self._founded.wait()
            except TimeoutError:
                continue

    def _join(self, theirs: Mapping[str, Introduction | None]) -> bool:
        """Whether a founded cluster awaits this directory: then it is bound to it, and learns the rest there."""
        founded = [said for said in theirs.values() if said is not None and said.cluster_id]
        self._others = {**named_by(founded), **self._others}
        self._others.pop(self._settings.name, None)
        found = admitted(founded)
        if found is None or self._seed is not None:
            return False
        self._store.adopt(found.cluster_id, found.member_id)
        self._log.info("joining", cluster_id=found.cluster_id, member_id=found.member_id)
        self._founded.set()
        return True

    def _tell(self, theirs: Mapping[str, Introduction | None], waiting_for: str) -> None:
        founded = [said for said in theirs.values() if said is not None and said.cluster_id]
        if not tell_what_keeps_us_out(self._log, founded) and waiting_for:
            self._log.info("waiting to found", missing=waiting_for)

    async def close(self) -> None:
        """End what is under way."""
        for task in self._handing.values():
            task.cancel()
        await asyncio.gather(*self._handing.values(), return_exceptions=True)
        for channel in self._channels.values():
            await channel.close()

    async def _look_at_company(self) -> None:
        """A directory of another cluster is not served under this one's addresses (D10). Who is away says nothing."""
        own = self._store.identity.cluster_id
        theirs = await self._introduce_to_all()
        if any(said is not None and said.admission.removed for said in theirs.values()):
            self._store.mark_removed()
            raise DataDirError(left_text(self._settings.data_dir, self._settings.name))
        ids = {name: said.cluster_id for name, said in theirs.items() if said and said.cluster_id}
        if ids and own not in ids.values():
            named = ", ".join(f"{name} of cluster {found}" for name, found in ids.items())
            raise DataDirError(
                f"{self._settings.data_dir} is of cluster {own}, {named}: check --data-dir and --peers"
            )

    # -- what others ask ------------------------------------------------------------------------

    def on_introduction(self, theirs: Introduction) -> None:
        """An empty member of ours that missed the founding gets the first snapshot again."""
        if not self._store.identity.founded or theirs.cluster_id:
            return
        if self._standing.missed_founding(theirs):
            self._hand_to(theirs.name)
        elif refused := self._standing.answer(theirs).admission.refused:
            self._log.error("empty member refused", peer=theirs.name, reason=refused)

    async def on_found(self, request: FoundRequest) -> FoundReply:
        """Store the first snapshot, then say so."""
        own = self._store.identity
        if own.founded:
            same = own.cluster_id == request.cluster_id
            return FoundReply(accepted=same, reason="" if same else f"of cluster {own.cluster_id}")
        reason = self._objection(request)
        if reason is not None:
            self._log.error("founding refused", founder=request.founder, reason=reason)
            return FoundReply(accepted=False, reason=reason)
        try:
            self._keep(request)
        except OtherState as error:
            self._log.error("founding refused", founder=request.founder, reason=str(error))
            return FoundReply(accepted=False, reason=f"{self._settings.name} {error}")
        return FoundReply(accepted=True)

    # -- founding -------------------------------------------------------------------------------

    def _what_is_missing(self, theirs: Mapping[str, Introduction | None]) -> str:
        """Empty when all are present, empty and of one mind; else one sentence."""
        if len(self._settings.peers) > COORDINATORS_MAX:
            return f"--peers names {len(self._settings.peers)}; at most {COORDINATORS_MAX} can be coordinators"
        absent = [name for name, said in theirs.items() if said is None]
        if absent:
            return f"no answer from {', '.join(absent)}"
        for name, said in theirs.items():
            if said is None or said.cluster_id:
                return f"{name} is founded already and will hand over what it knows"
            if said.name != name:
                return f"{self._others[name]} answers as {said.name}, --peers calls it {name}"
            if list(said.peers) != self._settings.peer_texts:
                return f"{name} has another list: --peers {','.join(said.peers)}"
            if said.mode != self._standing.introduction().mode:
                return f"{name} runs in mode {said.mode or 'unknown'}"
            if said.seed != self._standing.seed:
                return differing(self._settings.name, self._standing.seed, name, said.seed)
        return ""

    def _found(self, theirs: Mapping[str, Introduction | None]) -> None:
        introductions = [self._standing.introduction(), *(said for said in theirs.values() if said)]
        request = founding_record(self._settings, introductions)
        if self._seed is not None:
            request.seed = self._seed.digest
            request.digest = digest(first_state(self._seed, request))
        self._keep(request)
        for name in self._others:
            self._hand_to(name)

    def _keep(self, request: FoundRequest) -> None:
        """The record first, then the store: a record without a founded store says nothing. Raises OtherState."""
        names = sorted(request.storage_ids)
        conf = ConfState(voters=tuple(range(1, len(names) + 1)))
        snapshot = Snapshot(FIRST_INDEX, FIRST_TERM, conf, request.snapshot)
        if self._seed is not None:
            snapshot = first_snapshot(self._seed, request, conf)
        write_record(self._settings.data_dir, request)
        member_id = names.index(self._settings.name) + 1
        self._store.found(request.cluster_id, member_id, snapshot)
        self._log.info("founded", cluster_id=request.cluster_id, member_id=member_id, members=names)
        drop_seed(self._settings.data_dir)
        self._founded.set()

    def _objection(self, request: FoundRequest) -> str | None:
        if list(request.peers) != self._settings.peer_texts:
            return f"{self._settings.name} has another list: --peers {','.join(self._settings.peer_texts)}"
        if request.storage_ids.get(self._settings.name) != self._store.identity.storage_id:
            return f"the directory of {self._settings.name} is not the one that was introduced"
        if request.seed != self._standing.seed:
            founder = request.founder
            return differing(self._settings.name, self._standing.seed, founder, request.seed)
        return None

    # -- talking --------------------------------------------------------------------------------

    async def _introduce_to_all(self) -> dict[str, Introduction | None]:
        said = await asyncio.gather(*(self._introduce_to(name) for name in self._others))
        return dict(zip(self._others, said, strict=True))

    async def _introduce_to(self, name: str) -> Introduction | None:
        try:
            return await self._stub(name).Introduce(
                self._standing.introduction(), timeout=CALL_TIMEOUT_S
            )
        except grpc.RpcError:
            return None

    def _hand_to(self, name: str) -> None:
        """Once at a time; whoever still lacks it introduces itself again."""
        if name in self._handing or name not in self._others:
            return
        record = read_record(self._settings.data_dir)
        if record is None:
            self._log.error("founding record lost", peer=name)
            return
        task = asyncio.create_task(self._hand(name, record), name=f"found {name}")
        self._handing[name] = task
        task.add_done_callback(lambda _task: self._handing.pop(name, None))

    async def _hand(self, name: str, record: FoundRequest) -> None:
        try:
            reply = await self._stub(name).Found(record, timeout=CALL_TIMEOUT_S)
        except grpc.RpcError:
            return
        if not reply.accepted:
            self._log.error("founding not accepted", peer=name, reason=reply.reason)

    def _stub(self, name: str) -> PeerStub:
        if name not in self._channels:
            self._channels[name] = open_channel(self._others[name])
        return PeerStub(self._channels[name])
