"""The generator: what is committed is what the proto files say, and a difference is named by file."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import generate_wire


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return generate_wire.generate(tmp_path_factory.mktemp("wire"))


def test_what_is_committed_is_up_to_date(made: dict[str, bytes]) -> None:
    package = generate_wire.ROOT / generate_wire.PACKAGE
    assert list(generate_wire.differences(made, package)) == []


def test_each_difference_is_named(made: dict[str, bytes], tmp_path: Path) -> None:
    generate_wire.write(made, tmp_path)
    assert list(generate_wire.differences(made, tmp_path)) == []
    (tmp_path / "tasks_pb2.py").write_bytes(b"# edited by hand\n")
    (tmp_path / "cluster_pb2.pyi").unlink()
    (tmp_path / "old_pb2.py").write_bytes(b"")
    lines = list(generate_wire.differences(made, tmp_path))
    assert [line.rpartition("/")[2] for line in lines] == [
        "cluster_pb2.pyi: missing",
        "old_pb2.py: comes from no proto file",
        "tasks_pb2.py: differs from its proto file",
    ]


def test_writing_removes_what_no_proto_file_makes(made: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "old_pb2.py").write_bytes(b"")
    generate_wire.write(made, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == made.keys()


def test_modules_import_each_other_relatively(made: dict[str, bytes]) -> None:
    for name, content in made.items():
        assert b"from coordinator" not in content, name


def test_service_stubs_are_asynchronous_and_typed(made: dict[str, bytes]) -> None:
    stub = made["internal_pb2_grpc.pyi"].decode()
    assert (
        "Connect: grpc.aio.StreamStreamMultiCallable"
        "[internal_pb2.NodeFrame, internal_pb2.LeaderFrame]"
    ) in stub
    assert "def add_NodeSessionServicer_to_server(" in stub
    tasks = made["tasks_pb2_grpc.pyi"].decode()
    assert "Create: grpc.aio.UnaryUnaryMultiCallable[tasks_pb2.CreateRequest" in tasks
    assert "-> AsyncIterator[tasks_pb2.WatchResponse] | Awaitable[None]" in tasks
