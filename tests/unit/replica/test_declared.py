"""Declared tasks: what executors declare is there exactly once, whoever starts when and whoever leads (PT-84)."""

from __future__ import annotations

import json

from coordinator.machine.commands import CancelTask, UpdateTask
from coordinator.machine.outcome import Accepted, Refusal, Refused
from coordinator.model.instants import DAY
from coordinator.model.nodes import Manifest
from coordinator.model.tasks import RunOutcome, Status, TaskSpec
from coordinator.replica import inputs as i
from coordinator.replica.sayings import Registration
from tests.unit.replica.kit import pause, until, wish
from tests.unit.replica.life import set_to
from tests.unit.replica.world import FakeNode, World

GEO = "geoip.downloader"
SETTING = "plugins.geoip.enable"


class Plugin(FakeNode):
    """A node whose executor declares tasks, in a manifest of any version."""

    def __init__(self, world: World, name: str, version: int = 1, *declares: object) -> None:
        super().__init__(world, name)
        self.executors = [GEO]
        self.version = version
        self.document = {"policy": {}, "declares": list(declares)}
        world.__dict__.setdefault("beating", []).append(self)

    def say(self, one: i.Input) -> None:
        if isinstance(one, i.NodeOpened):
            body = json.dumps(self.document).encode()
            manifest = Manifest(GEO, self.version, f"{self.version}-{len(body)}-{body!r}", body)
            told: Registration = one.registration
            fields = {name: getattr(told, name) for name in told.__struct_fields__}
            one = i.NodeOpened(one.session, Registration(**{**fields, "manifests": (manifest,)}))
        super().say(one)


def declared(params: object = None, **more: object) -> dict[str, object]:
    return {"id": "geoip", "params": params or {"endpoint": "a"}, "setting": SETTING, **more}


def start(world: World, *nodes: Plugin) -> None:
    for one in nodes:
        one.register()
    pause(world, 200)


def test_pt_84_nodes_that_start_together_bring_one_task() -> None:
    world = World(3)
    start(world, *(Plugin(world, f"n{number}", 1, declared()) for number in range(3)))
    task = world.task("geoip")
    assert (task.executor, task.status, task.params) == (GEO, Status.ASSIGNED, b'{"endpoint":"a"}')
    assert task.declared
    revision = task.revision
    pause(world, 15_000)
    assert world.task("geoip").revision == revision  # compared, and nothing was written


def test_pt_84_another_leader_leaves_it_and_makes_what_is_missing() -> None:
    world = World(3)
    start(world, Plugin(world, "n1", 1, declared()))
    allocation = world.task("geoip").allocation_id
    world.crash(world.leader().number)
    until(world, lambda: any(m.replica.leading is not None for m in world.members.values()))
    pause(world, 1_000)
    assert world.task("geoip").allocation_id == allocation


def test_pt_84_switched_off_it_goes_and_on_again_it_is_new() -> None:
    world = World(1)
    node = Plugin(world, "n1", 1, declared())
    start(world, node)
    first = world.task("geoip").allocation_id
    set_to(world, SETTING, "off")
    pause(world, 200)
    node.listen()
    assert node.wanted["geoip"].stop_reason == "cancel"
    node.report("geoip", "ended", allocation=first, outcome=RunOutcome.CANCELLED)
    pause(world, 200)
    state = world.leader().replica.state
    assert "geoip" not in state.tasks
    set_to(world, SETTING, "")
    pause(world, 200)
    assert world.task("geoip").allocation_id > first


def test_pt_84_on_again_while_the_old_run_still_ends() -> None:
    world = World(1)
    node = Plugin(world, "n1", 1, declared())
    start(world, node)
    first = world.task("geoip").allocation_id
    set_to(world, SETTING, "off")
    pause(world, 200)
    set_to(world, SETTING, "on")
    pause(world, 200)
    assert world.task("geoip").status is Status.STOPPING
    node.report("geoip", "ended", allocation=first, outcome=RunOutcome.CANCELLED)
    pause(world, 200)
    assert world.task("geoip").status is Status.ASSIGNED


def test_pt_84_one_that_is_off_by_default_waits_for_its_setting() -> None:
    world = World(1)
    start(world, Plugin(world, "n1", 1, declared(default=False)))
    assert "geoip" not in world.leader().replica.state.tasks
    set_to(world, SETTING, "on")
    pause(world, 200)
    assert world.task("geoip").status is Status.ASSIGNED


def test_pt_84_the_newest_version_says_what_is_declared() -> None:
    world = World(1)
    old = Plugin(world, "n1", 1, declared())
    start(world, old)
    start(world, Plugin(world, "n2", 2))
    old.listen()
    assert world.task("geoip").status is Status.STOPPING
    old.report("geoip", "ended", outcome=RunOutcome.CANCELLED)
    pause(world, 200)
    assert "geoip" not in world.leader().replica.state.tasks


def test_pt_84_a_roll_back_counts() -> None:
    world = World(1)
    node = Plugin(world, "n1", 1, declared())
    start(world, node)
    first = world.task("geoip").allocation_id
    renew(world, node, 2)
    assert "geoip" not in world.leader().replica.state.tasks
    renew(world, node, 1, declared())
    assert world.task("geoip").allocation_id > first


def renew(world: World, node: Plugin, version: int, *declares: object) -> None:
    """The node comes back as a new incarnation with another version of the plugin."""
    node.close()
    node.counter += 1
    node.sequence = node.seen = node.number = 0
    node.version, node.document = version, {"policy": {}, "declares": list(declares)}
    node.register(old_is_dead=True)
    pause(world, 500)
    for task_id in list(node.wanted):
        if node.wanted[task_id].stop_reason:
            node.report(task_id, "ended", outcome=RunOutcome.CANCELLED)
    pause(world, 500)


def test_pt_84_started_again_by_hand_it_is_still_the_declared_one() -> None:
    world = World(1)
    node = Plugin(world, "n1", 1, declared())
    start(world, node)
    world.outcomes(world.submit(CancelTask("geoip")))
    node.listen()
    node.report("geoip", "ended", outcome=RunOutcome.CANCELLED)
    world.submit(i.Create("geoip", GEO, b'{"endpoint":"mine"}', TaskSpec(), replace_finished=True))
    task = world.task("geoip")
    assert (task.status, bool(task.declared)) == (Status.ASSIGNED, True)
    set_to(world, SETTING, "off")
    pause(world, 500)
    assert world.task("geoip").status is Status.STOPPING


def test_pt_84_what_an_operator_cancelled_stays_so_and_is_kept() -> None:
    world = World(1)
    node = Plugin(world, "n1", 1, declared())
    start(world, node)
    world.outcomes(world.submit(CancelTask("geoip")))
    node.listen()
    node.report("geoip", "ended", outcome=RunOutcome.CANCELLED)
    assert world.task("geoip").status is Status.CANCELLED
    (kept,) = world.outcomes(world.submit(CancelTask("geoip", purge=True, finished_only=True)))
    assert isinstance(kept, Refused)
    assert kept.code is Refusal.DECLARED
    assert (world.task("geoip").expires_at, world.leader().replica.state.next_expiry()) == (0, None)
    pause(world, 15_000)
    assert world.task("geoip").status is Status.CANCELLED


def test_pt_84_a_purge_by_hand_is_refused_while_it_runs() -> None:
    world = World(1)
    start(world, Plugin(world, "n1", 1, declared()))
    (kept,) = world.outcomes(world.submit(CancelTask("geoip", purge=True)))
    assert isinstance(kept, Refused)
    assert kept.code is Refusal.DECLARED
    assert world.task("geoip").status is Status.ASSIGNED


def test_pt_84_other_params_of_a_newer_version_take_over_and_an_operators_stay() -> None:
    world = World(1)
    start(world, Plugin(world, "n1", 1, declared()))
    start(world, Plugin(world, "n2", 2, declared({"endpoint": "b"})))
    task = world.task("geoip")
    assert (task.params, task.executor_version) == (b'{"endpoint":"b"}', 2)
    update = UpdateTask("geoip", task.edited_revision, b'{"endpoint":"mine"}')
    (done,) = world.outcomes(world.submit(update))
    assert isinstance(done, Accepted)
    start(world, Plugin(world, "n3", 3, declared({"endpoint": "c"})))
    assert world.task("geoip").params == b'{"endpoint":"mine"}'


def test_pt_84_a_task_that_somebody_started_under_that_id_is_theirs() -> None:
    world = World(1)
    node = Plugin(world, "n1")
    start(world, node)
    world.submit(wish("geoip", GEO, b'{"endpoint":"x"}'))
    start(world, Plugin(world, "n2", 2, declared()))
    assert (world.task("geoip").params, world.task("geoip").declared) == (b'{"endpoint":"x"}', "")
    set_to(world, SETTING, "off")
    pause(world, 15_000)
    assert world.task("geoip").status is Status.ASSIGNED
    world.outcomes(world.submit(CancelTask("geoip", purge=True)))
    set_to(world, SETTING, "on")
    node.listen()
    node.report("geoip", "ended", outcome=RunOutcome.CANCELLED)
    pause(world, 200)
    assert world.task("geoip").declared


def test_pt_84_a_finished_one_is_not_made_anew() -> None:
    world = World(1)
    node = Plugin(world, "n1", 1, declared())
    start(world, node)
    node.listen()
    node.report("geoip", "ended", outcome=RunOutcome.SUCCEEDED)
    allocation = world.task("geoip").allocation_id
    world.now = type(world.now)(world.now.steady, world.now.wall + 2 * DAY)
    pause(world, 15_000)
    assert world.task("geoip").status is Status.SUCCEEDED
    assert world.task("geoip").allocation_id == allocation
