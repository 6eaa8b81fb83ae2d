"""What a coordinator and the helper process that runs foreign code say to each other over two pipes.

A frame is four bytes of length, big end first, and that much MessagePack. The helper speaks first: Importing before
each plugin, then Hello; from then on each question has one answer, in order.
"""

from __future__ import annotations

from typing import Final

import msgspec

from coordinator.replica.shown import Words

LENGTH_BYTES: Final = 4
FRAME_BYTES_MAX: Final = 64 * 1024 * 1024


class Known(msgspec.Struct, frozen=True, array_like=True):
    """One executor whose code is here. `source`: the plugin that offers it, as `executors.registry` names it."""

    name: str
    version: int
    own_validate: bool
    own_assignment: bool
    source: str


class Importing(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """The import of this plugin begins."""

    source: str


class Hello(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """`load_errors`: where a plugin was named, and what happened. `fatal`: no executor is usable, and why."""

    executors: tuple[Known, ...]
    load_errors: tuple[tuple[str, str], ...] = ()
    fatal: str = ""


class Question(msgspec.Struct, frozen=True, array_like=True):
    """kind: validate, assign, describe. `payload`: MessagePack of the arguments (see `Arguments`)."""

    call: int
    kind: str
    executor: str
    payload: bytes


class Cluster(msgspec.Struct, frozen=True):
    """A MessagePack map; shape of nodes as in `executors.leader_calls`. `tasks`: news, on top of those told before."""

    at: int = 0
    nodes: tuple[dict[str, object], ...] = ()
    tasks: Words | None = None


class Arguments(msgspec.Struct, frozen=True):
    """A MessagePack map; shape of candidates as in `executors.leader_calls`."""

    params: bytes = b"{}"
    version: int = 1
    candidates: tuple[dict[str, object], ...] = ()
    cluster: Cluster = Cluster()


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """Fields as in `PluginAnswered`. kind least_loaded: `text` lists names with commas between."""

    call: int
    kind: str
    node: str | None = None
    code: str = ""
    text: str = ""


def frame(value: msgspec.Struct) -> bytes:
    """The bytes of one frame."""
    body = msgspec.msgpack.encode(value)
    return len(body).to_bytes(LENGTH_BYTES) + body
