"""The record of a founding: the first snapshot with its names, kept beside the store for those who missed it."""

from __future__ import annotations

import os
from pathlib import Path

from coordinator.codec.framing import framed
from coordinator.codec.snapshots import encode, freeze
from coordinator.model.members import MemberRecord
from coordinator.model.settings import Settings, SettingValue
from coordinator.model.state import ClusterState
from coordinator.shell.clock import draw_id, read_clock
from coordinator.shell.options import ServerSettings
from coordinator.shell.standing import supports_of
from coordinator.wire.v1.internal_pb2 import FoundRequest, Introduction

FIRST_INDEX = FIRST_TERM = 1


def founding_record(settings: ServerSettings, members: list[Introduction]) -> FoundRequest:
    """The first snapshot under a fresh cluster id. Member ids go by name order, from 1."""
    addresses = dict(settings.peers)
    state = ClusterState()
    state.cluster_id = draw_id()
    at = read_clock().wall
    state.begin_entry(FIRST_INDEX, at)
    state.feature_level = min(map(supports_of, members))  # all are here, and say what they know
    state.settings = Settings(
        {key: SettingValue(value, "founding", at) for key, value in sorted(settings.set)}
    )
    for number, said in enumerate(sorted(members, key=lambda m: m.name), start=1):
        address = addresses[said.name]
        state.put_member(MemberRecord(number, said.name, address, said.storage_id, said.http))
    return FoundRequest(
        cluster_id=state.cluster_id,
        founder=settings.name,
        snapshot=b"".join(framed(encode(freeze(state)))),
        peers=settings.peer_texts,
        storage_ids={said.name: said.storage_id for said in members},
    )


def write_record(data_dir: Path, request: FoundRequest) -> None:
    """Keep it for those who missed it; on disk when this returns."""
    fresh, target = data_dir / "founding.new", data_dir / "founding"
    with fresh.open("wb") as file:
        file.write(request.SerializeToString(deterministic=True))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(target)


def read_record(data_dir: Path) -> FoundRequest | None:
    """None where there is none."""
    try:
        return FoundRequest.FromString((data_dir / "founding").read_bytes())
    except FileNotFoundError:
        return None
