"""The feature level through the door: who holds it up, what a dry run says, what a raise does."""

from __future__ import annotations

import pytest

from coordinator.api.errors import Code
from coordinator.machine.features import Build
from coordinator.wire.v1 import cluster_pb2 as wire
from coordinator.wire.v1.tasks_pb2 import Change
from tests.unit.api.house import House, doors, refused


def ask(*, dry_run: bool = False, request_id: str = "") -> wire.UpgradeRequest:
    return wire.UpgradeRequest(change=Change(dry_run=dry_run, request_id=request_id))


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(House, "build", Build(2))


async def test_where_nobody_knows_a_higher_level_nothing_has_to_be_done() -> None:
    async with doors() as at:
        await at.node()
        said = await at.cluster.Upgrade(ask())
        assert (said.level, said.possible, said.highest, said.unchanged) == (1, 1, 1, True)
        assert not said.blockers


@pytest.mark.usefixtures("newer")
async def test_a_dry_run_changes_nothing_and_a_raise_is_for_good() -> None:
    async with doors() as at:
        said = await at.cluster.Upgrade(ask(dry_run=True))
        assert (said.level, said.possible, said.unchanged) == (1, 2, False)
        assert at.house.replica.state.feature_level == 1
        for unchanged in (False, True):
            said = await at.cluster.Upgrade(ask(request_id="r1"))
            assert (said.level, said.possible, said.highest) == (2, 2, 2)
            assert said.unchanged is unchanged
        shown = await at.cluster.Status(wire.StatusRequest())
        assert (shown.feature_level, shown.self.supports, shown.nodes_support) == (2, 2, 0)


@pytest.mark.usefixtures("newer")
async def test_an_old_node_is_named_and_holds_the_level_up() -> None:
    async with doors() as at:
        await at.node()
        said = await at.cluster.Upgrade(ask(dry_run=True))
        assert (said.level, said.possible, said.highest, said.unchanged) == (1, 1, 2, True)
        (one,) = said.blockers
        assert (one.kind, one.name, one.version, one.supports) == ("node", "n1", "", 1)
        wrong = await refused(at.cluster.Upgrade(ask()))
        assert (wrong.code, wrong.reason) == (Code.FAILED_PRECONDITION, "feature_level")
        assert wrong.message == (
            "feature level 1 stays in force, for not everybody can follow to 2: n1 supports 1"
        )
        shown = await at.cluster.Status(wire.StatusRequest())
        assert (shown.feature_level, shown.self.supports, shown.nodes_support) == (1, 2, 1)
