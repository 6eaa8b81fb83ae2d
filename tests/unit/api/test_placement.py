"""Limits, constraints and the list of moves at the door, with a real replica behind it."""

from __future__ import annotations

import pytest

from coordinator.wire.v1 import cluster_pb2 as wire
from coordinator.wire.v1 import tasks_pb2 as tasks
from tests.unit.api.house import NOOP, doors, refused


async def test_tm_60_a_limit_is_overridden_listed_and_given_back() -> None:
    async with doors() as at:
        request = wire.SetLimitRequest(key="group:gpu", max=3, change=tasks.Change(request_id="r1"))
        assert not (await at.cluster.SetLimit(request)).unchanged
        (found,) = (await at.cluster.ListLimits(wire.ListLimitsRequest())).limits
        assert (found.key, found.scope, found.override) == ("group:gpu", "cluster", 3)
        assert (found.set_by, found.HasField("declared")) == ("operator", False)
        remove = wire.RemoveLimitRequest(key="group:gpu")
        assert not (await at.cluster.RemoveLimit(remove)).unchanged
        assert (await at.cluster.RemoveLimit(remove)).unchanged
        assert not (await at.cluster.ListLimits(wire.ListLimitsRequest())).limits


async def test_tm_60_an_unknown_scope_is_refused() -> None:
    async with doors() as at:
        request = wire.SetLimitRequest(key="x", scope="rack", max=1)
        assert (await refused(at.cluster.SetLimit(request))).reason == "invalid_field"


async def test_pt_80_the_list_of_moves_says_what_holds_them_back() -> None:
    async with doors() as at:
        found = await at.cluster.Rebalance(wire.RebalanceRequest())
        assert (list(found.moves), found.held_back) == ([], "rebalance.enable = off")


@pytest.mark.parametrize(
    "wrong",
    [
        tasks.Constraints(require=[tasks.AttributeTest()]),
        tasks.Constraints(prefer=[tasks.Preference(test=tasks.AttributeTest(attribute="a"))]),
        tasks.Constraints(spread=[""]),
        tasks.Constraints(apart=["=x"]),
        tasks.Constraints(avoid=[tasks.AttributeTest(attribute=f"a{n}") for n in range(17)]),
        tasks.Constraints(require=[tasks.AttributeTest(attribute="a", values=["x" * 256])]),
    ],
)
async def test_pt_83_constraints_out_of_bounds_are_refused(wrong: tasks.Constraints) -> None:
    async with doors() as at:
        new = tasks.NewTask(id="t", executor=NOOP, spec=tasks.TaskSpec(constraints=wrong))
        said = await refused(at.tasks.Create(tasks.CreateRequest(task=new)))
        assert said.reason == "invalid_field"
