"""The wire as descriptors have it, a line for each field, enum value and method: what a release promised to its callers.

What others wrote down must hold for ever: a field keeps number, name, type and kind. New lines may come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    ServiceDescriptorProto,
)

from coordinator.wire.v1 import cluster_pb2, health_pb2, internal_pb2, tasks_pb2

NAME = "wire.txt"
MODULES = (cluster_pb2, health_pb2, internal_pb2, tasks_pb2)


def files() -> list[FileDescriptorProto]:
    """Of this build."""
    return [FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb) for module in MODULES]


def lines(of: Iterable[FileDescriptorProto]) -> list[str]:
    """Sorted, such as `field ptasks.v1.Filter 3 executor TYPE_STRING LABEL_OPTIONAL`."""
    found: list[str] = []
    for file in of:
        for message in file.message_type:
            found += _message(f"{file.package}.{message.name}", message)
        for enum in file.enum_type:
            found += _enum(f"{file.package}.{enum.name}", enum)
        for service in file.service:
            found += _service(f"{file.package}.{service.name}", service)
    return sorted(found)


def _message(name: str, message: DescriptorProto) -> Iterator[str]:
    for field in message.field:
        yield f"field {name} {field.number} {field.name} {_kind(field)}"
    for inner in message.nested_type:
        yield from _message(f"{name}.{inner.name}", inner)
    for enum in message.enum_type:
        yield from _enum(f"{name}.{enum.name}", enum)


def _kind(field: FieldDescriptorProto) -> str:
    words = [
        FieldDescriptorProto.Type.Name(field.type),
        field.type_name.removeprefix("."),
        FieldDescriptorProto.Label.Name(field.label),
        "presence" if field.proto3_optional else "",
    ]
    return " ".join(filter(None, words))


def _enum(name: str, enum: EnumDescriptorProto) -> Iterator[str]:
    for value in enum.value:
        yield f"value {name} {value.number} {value.name}"


def _service(name: str, service: ServiceDescriptorProto) -> Iterator[str]:
    for method in service.method:
        takes = "stream " * method.client_streaming + method.input_type
        gives = "stream " * method.server_streaming + method.output_type
        yield f"method {name} {method.name} takes {takes} gives {gives}"
