from __future__ import annotations

import ast
import inspect

import msgspec
import pytest

from coordinator.machine import apply as apply_module
from coordinator.machine import commands
from coordinator.machine.apply import apply, apply_batch
from coordinator.machine.commands import Batch, Request
from coordinator.machine.failures import InvariantBroken
from coordinator.model.ids import AllocationId
from coordinator.model.state import ClusterState
from tests.unit.machine.kit import AT, World, create, join, with_task


def test_outcomes_come_in_the_order_of_the_requests_and_later_ones_see_earlier_ones() -> None:
    state = ClusterState()
    batch = Batch(AT, (Request(join()), Request(create("a")), Request(create("a"))))
    outcomes = apply_batch(state, 1, batch)
    assert [getattr(outcome, "created", None) for outcome in outcomes] == [False, True, False]


def test_an_entry_is_never_applied_twice() -> None:
    world = World()
    world.accept(join())
    with pytest.raises(InvariantBroken, match="entry 1 comes after entry 1"):
        apply_batch(world.state, 1, Batch(AT, ()))


def test_time_never_falls() -> None:
    state = ClusterState()
    apply_batch(state, 1, Batch(AT, ()))
    apply_batch(state, 2, Batch(AT - 5, ()))
    assert (state.at, state.revision) == (AT, 2)


def test_what_is_no_command_is_a_bug() -> None:
    with pytest.raises(AssertionError):
        apply(ClusterState(), "complete t1")  # type: ignore[arg-type]


def test_every_command_has_a_tag_of_its_own_and_a_clause() -> None:
    tags = sorted(kind.__struct_config__.tag for kind in commands.Command.__args__)
    assert len(set(tags)) == len(tags)
    assert tags[0] > 0
    tree = ast.parse(inspect.getsource(apply_module))
    cases = {
        ast.unparse(case.pattern)
        for node in ast.walk(tree)
        if isinstance(node, ast.Match)
        for case in node.cases
    }
    assert cases == {f"c.{kind.__name__}()" for kind in commands.Command.__args__} | {"_"}


def test_an_allocation_id_that_would_repeat_stops_the_process() -> None:
    world = with_task()
    world.state.last_allocation_id = AllocationId(0)
    with pytest.raises(InvariantBroken, match="task t holds allocation id 1, but the next is 1"):
        world.end("t", commands.RunOutcome.SUCCEEDED)


def test_fields_of_commands_may_be_missing_only_where_they_have_a_default() -> None:
    """Fields are only appended: an older log lacks the last ones."""
    for kind in commands.Command.__args__:
        fields = msgspec.structs.fields(kind)
        required = [field.required for field in fields]
        assert required == sorted(required, reverse=True), kind
