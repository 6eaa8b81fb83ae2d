"""Switches of declared tasks at the door, and the record that says it is declared (PT-84)."""

from __future__ import annotations

from coordinator.wire.v1 import cluster_pb2 as cluster
from coordinator.wire.v1 import tasks_pb2 as wire
from tests.unit.api.house import NOOP, Doors, doors, refused, until

SETTING = "plugins.geoip.enable"
DECLARES = [{"id": "geoip", "params": {}, "setting": SETTING, "default": False}]


async def setting(at: Doors) -> cluster.Setting:
    found = await at.cluster.GetSettings(cluster.GetSettingsRequest())
    (one,) = [one for one in found.settings if one.key == SETTING]
    return one


async def test_pt_84_settings_show_the_switch_and_turn_it() -> None:
    async with doors() as at:
        await at.node(offers={NOOP: {"declares": DECLARES}})
        shown = await setting(at)
        assert (shown.value, shown.default_value, shown.bounds) == ("off", "off", "on, off")
        await at.settings(plugins__geoip__enable="ON")
        assert ((await setting(at)).value, (await setting(at)).set_by) == ("on", "operator")
        await until(lambda: "geoip" in at.house.replica.state.tasks)
        assert (await at.get("geoip")).declared
        said = await refused(at.tasks.Cancel(wire.CancelRequest(id="geoip", purge=True)))
        assert (said.code.name, said.reason) == ("FAILED_PRECONDITION", "declared")


async def test_pt_84_a_switch_that_nobody_names_is_refused_and_a_bad_word_as_well() -> None:
    async with doors() as at:
        await at.node(offers={NOOP: {"declares": DECLARES}})
        unknown = cluster.SetSettingsRequest(set={"plugins.geo": "on", "nodes.lease": "5s"})
        said = await refused(at.cluster.SetSettings(unknown))
        assert (said.reason, "plugins.geo" in said.message) == ("setting_not_found", True)
        bad = await refused(
            at.cluster.SetSettings(cluster.SetSettingsRequest(set={SETTING: "yes"}))
        )
        assert "on, off" in bad.message
        reset = cluster.SetSettingsRequest(reset=["plugins.gone"])
        await at.cluster.SetSettings(reset)


async def test_pt_84_a_manifest_with_nonsense_declares_nothing() -> None:
    nonsense = [{"id": "x" * 300, "params": {}}, {"id": 7}, "x", {"id": "fine", "params": {}}]
    async with doors() as at:
        await at.node(offers={NOOP: {"declares": nonsense}})
        await until(lambda: at.house.replica.state.tasks)
        assert list(at.house.replica.state.tasks) == ["fine"]
