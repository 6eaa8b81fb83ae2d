"""Channels between coordinators, and the first words on each of their streams."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import grpc.aio

from coordinator.model.members import MemberRecord
from coordinator.shell.data_dir import Identity
from coordinator.wire.v1.internal_pb2 import Introduction

MESSAGE_BYTES_MAX = (
    16 * 1024 * 1024
)  # a frame between members; an entry can outgrow a client's call
MODE = "dev"

CHANNEL_OPTIONS = (
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 250),  # also how long one attempt may take
    ("grpc.max_reconnect_backoff_ms", 500),  # a link waits about as long beside it
    ("grpc.keepalive_time_ms", 2_000),
    ("grpc.keepalive_timeout_ms", 2_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
)


def open_channel(address: str) -> grpc.aio.Channel:
    """A channel to another member; made at once, connected when first used."""
    return grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS)


class Standing:
    """Who we are among the members, as we say it and as we check it of others (D10, D11)."""

    def __init__(
        self,
        identity: Callable[[], Identity],
        members: Callable[[], Mapping[int, MemberRecord]],
        peers: list[str],
        http: str,
        stream: str = "",
    ) -> None:
        self._identity = identity
        self._members = members
        self._peers = peers
        self._http = http
        self._stream = stream
        self.seed = ""  # while a restored member waits for its founding

    @property
    def founded(self) -> bool:
        return self._identity().founded

    def introduction(self) -> Introduction:
        """What we say of ourselves."""
        own = self._identity()
        return Introduction(
            name=own.member,
            cluster_id=own.cluster_id or "",
            storage_id=own.storage_id,
            peers=self._peers,
            member_id=own.member_id or 0,
            mode=MODE,
            http=self._http,
            stream=self._stream,
            seed=self.seed,
        )

    def objection(self, theirs: Introduction) -> str | None:
        """Why these are no words of a member of ours, or None. For their ears as well as for our log."""
        own = self._identity()
        if not own.founded:
            return f"{own.member} belongs to no cluster yet"
        if theirs.mode != MODE:
            return f"{own.member} runs in mode {MODE}, {theirs.name} in mode {theirs.mode or 'unknown'}"
        if not theirs.cluster_id:
            return f"{theirs.name} belongs to no cluster yet"
        if theirs.cluster_id != own.cluster_id:
            return (
                f"{own.member} is of cluster {own.cluster_id}, {theirs.name} of cluster "
                f"{theirs.cluster_id}: check --peers and --data-dir"
            )
        return self._objection_to_member(theirs)

    def _objection_to_member(self, theirs: Introduction) -> str | None:
        record = self._members().get(theirs.member_id)
        if record is None or record.name != theirs.name:
            return f"{theirs.name} (member {theirs.member_id}) is not a member of this cluster"
        if record.storage_id != theirs.storage_id:
            return (
                f"the data directory of {theirs.name} is not the one this cluster knows; what it once "
                "promised is forgotten: bring it back with `taskctl cluster replace`"
            )
        return None

    def knows_directory(self, theirs: Introduction) -> bool:
        """Whether an unfounded caller is one of us that missed the founding: same name, same directory."""
        return any(
            record.name == theirs.name and record.storage_id == theirs.storage_id
            for record in self._members().values()
        )
