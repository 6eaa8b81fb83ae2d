"""X47: callers of every earlier release are understood: nothing they know of the wire was renamed, retyped or removed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)

from coordinator.api.cluster import ClusterService
from coordinator.api.node_session import NodeSessionService
from coordinator.api.tasks import TasksService
from coordinator.shell.peer_server import PeerService
from coordinator.wire.v1 import cluster_pb2, internal_pb2, tasks_pb2
from tests.golden.record import HERE
from tests.golden.wire import NAME, files, lines

RELEASES = sorted(path for path in HERE.iterdir() if path.is_dir() and path.name[0].isdigit())
HANDLERS = {
    tasks_pb2.DESCRIPTOR.services_by_name["Tasks"]: TasksService,
    cluster_pb2.DESCRIPTOR.services_by_name["Cluster"]: ClusterService,
    internal_pb2.DESCRIPTOR.services_by_name["NodeSession"]: NodeSessionService,
    internal_pb2.DESCRIPTOR.services_by_name["Peer"]: PeerService,
}


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
def test_x47_all_that_a_release_had_on_the_wire_is_there(release: Path) -> None:
    kept = (release / NAME).read_text(encoding="utf-8").splitlines()
    assert len(kept) > 500
    assert [line for line in kept if line not in set(lines(files()))] == []


def first(file: FileDescriptorProto) -> DescriptorProto:
    return next(message for message in file.message_type if message.field)


def rename(file: FileDescriptorProto) -> None:
    first(file).field[0].name += "_renamed"


def retype(file: FileDescriptorProto) -> None:
    field = first(file).field[0]
    is_text = field.type == FieldDescriptorProto.TYPE_STRING
    field.type = FieldDescriptorProto.TYPE_BYTES if is_text else FieldDescriptorProto.TYPE_STRING


def renumber(file: FileDescriptorProto) -> None:
    first(file).field[0].number += 1_000


def repeat(file: FileDescriptorProto) -> None:
    first(file).field[0].label = FieldDescriptorProto.LABEL_REPEATED


def remove(file: FileDescriptorProto) -> None:
    del first(file).field[0]


def rename_method(file: FileDescriptorProto) -> None:
    file.service[0].method[0].name += "Anew"


@pytest.mark.parametrize("change", [rename, retype, renumber, repeat, remove, rename_method])
def test_x47_what_would_break_a_caller_is_seen(
    change: Callable[[FileDescriptorProto], None],
) -> None:
    before = set(lines(files()))
    changed = files()
    change(next(file for file in changed if file.service))
    assert len(before - set(lines(changed))) == 1


def test_x47_a_field_more_breaks_nobody() -> None:
    changed = files()
    first(changed[0]).field.add(name="later", number=500, type="TYPE_STRING")
    assert set(lines(files())) < set(lines(changed))


def test_x47_every_method_has_a_handler_of_ours() -> None:
    without = [
        f"{service.full_name}.{method.name}"
        for service, handler in HANDLERS.items()
        for method in service.methods
        if getattr(handler, method.name).__module__.startswith("coordinator.wire")
    ]
    assert without == []
    assert set(HANDLERS) == {
        service
        for module in (cluster_pb2, internal_pb2, tasks_pb2)
        for service in module.DESCRIPTOR.services_by_name.values()
    }
