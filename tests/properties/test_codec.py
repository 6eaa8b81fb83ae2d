"""Whatever can be said is read back as it was said."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.codec.envelope import MalformedEntry, UnknownCommand, decode_batch, encode_batch
from coordinator.codec.snapshots import MalformedSnapshot, UnknownFormat, encode, freeze, load
from coordinator.machine.commands import Batch, Command
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Task
from tests.properties.values import values_of

COMMANDS = list(Command.__args__)


@pytest.mark.parametrize("kind", COMMANDS, ids=lambda kind: kind.__name__)
def test_every_command_comes_back(kind: type[msgspec.Struct]) -> None:
    @given(values_of(kind))
    def comes_back(command: Command) -> None:
        encoded = msgspec.msgpack.encode(command)
        assert msgspec.msgpack.decode(encoded, type=Command) == command

    comes_back()


@given(values_of(Batch))
def test_batches_come_back(batch: Batch) -> None:
    payload = encode_batch(batch)
    assert decode_batch(payload) == batch
    assert encode_batch(decode_batch(payload)) == payload


@given(values_of(Task))
def test_records_come_back_from_a_snapshot(task: Task) -> None:
    state = ClusterState()
    state.put_task(task)
    assert load(encode(freeze(state))).tasks == state.tasks


@given(st.binary(max_size=64))
def test_noise_is_never_a_batch_by_accident(noise: bytes) -> None:
    with pytest.raises((UnknownCommand, MalformedEntry)):
        decode_batch(noise)


@given(st.lists(st.binary(max_size=64), max_size=3))
def test_noise_is_never_a_snapshot(noise: list[bytes]) -> None:
    with pytest.raises((MalformedSnapshot, UnknownFormat)):
        load(noise)
