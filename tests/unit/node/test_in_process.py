"""The cluster in one process (EX-45): real rules, faults by name and by dice, and the same story for the same seed (X39)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from pydantic import BaseModel
from typing_extensions import override

from coordinator.client import ChangeOptions, Filter
from coordinator.client.errors import Conflict, InvalidRequest, NotFound, TimedOut
from executors import (
    AllocatedPersistentTask,
    Assignment,
    Candidate,
    ClusterView,
    PersistentTasksExecutor,
    TaskPolicy,
    ValidationError,
    executor,
)
from executors.builtin.ticker import Ticker, TickerParams
from executors.testing import HarnessError
from node.in_process import ClusterFactory, Event, Faults

EVERYTHING = Faults(kill=0.05, cut_off=0.05, drain=0.05, slow=0.05)


class Count(BaseModel):
    n: int = 0


class Upto(BaseModel):
    until: int = 5


Handle = AllocatedPersistentTask[Count]
SEEN: list[tuple[str, int, str]] = []  # task, token, what


@executor("k.counts", policy=TaskPolicy(max_attempts=1))
async def counts(task: Handle, params: Upto, state: Count | None) -> int:
    """One step a second, each saved."""
    for n in range(state.n if state else 0, params.until):
        await task.sleep("1s")
        await task.update_state(Count(n=n + 1))
    return params.until


@executor("k.notes", policy=TaskPolicy(exclusive=True, cancel_grace="1s"))
async def notes(task: Handle, params: Upto) -> None:
    """Notes every second of its life, why it is asked to end, and that its handlers ran."""
    token = task.fencing_token
    try:
        while True:
            SEEN.append((task.id, token, "works"))
            await asyncio.sleep(1)
    except asyncio.CancelledError:
        SEEN.append((task.id, token, str(task.stop_reason)))
        raise
    finally:
        SEEN.append((task.id, token, "finally"))


@executor("k.plain")
def plain(task: Handle, params: Upto, state: Count | None) -> int:
    """The same as `counts`, in a thread."""
    for n in range(state.n if state else 0, params.until):
        task.blocking.sleep("10s")
        task.blocking.update_state(Count(n=n + 1))
    task.log.info("done", n=params.until)
    return params.until


@executor("k.parent")
async def parent(task: Handle, params: Upto) -> None:
    """Starts others under its own, and stays until its end."""
    for n in range(params.until):
        await task.start_child("k.counts", Upto(until=1), key=f"c{n}")
    await task.sleep("5m")


class Chooses(PersistentTasksExecutor[Upto, Count]):
    """Refuses odd numbers, and runs on ssd only."""

    name = "k.chooses"

    @override
    def validate(self, params: Upto, cluster: ClusterView) -> None:
        if params.until % 2:
            raise ValidationError("until", "odd numbers bring bad luck")

    @override
    def get_assignment(
        self, params: Upto, candidates: Sequence[Candidate], cluster: ClusterView
    ) -> Assignment:
        fit = [one for one in candidates if one.attributes.get("disk") == "ssd"]
        return Assignment.to(fit[0]) if fit else Assignment.none("executor_refused", "needs ssd")

    @override
    async def node_operation(self, task: Handle, params: Upto, state: Count | None) -> None: ...


@pytest.fixture(autouse=True)
def _nothing_seen() -> None:
    SEEN.clear()


async def test_x39_a_task_runs_to_its_end(cluster: ClusterFactory) -> None:
    world = await cluster(counts)
    made = await world.create(counts, Upto(until=3))
    assert made.status == "assigned"
    ended = await world.ended(made.id)
    assert (ended.status, ended.state, ended.last_outcome.result) == ("succeeded", {"n": 3}, 3)
    assert [e.kind for e in world.events if e.task] == [
        "created", "assigned", "running", "saved", "saved", "saved", "run", "succeeded",
    ]  # fmt: skip
    (run,) = (await world.client.runs(made.id)).runs
    assert (run.outcome, run.allocation_id) == ("succeeded", made.allocation_id)


async def story(cluster: ClusterFactory, seed: int, seconds: int = 40) -> list[str]:
    """Some tasks in a cluster to which things happen, and their ends after all is calm."""
    world = await cluster(counts, Ticker, nodes=4, seed=seed, faults=EVERYTHING)
    for number in range(6):
        await world.create(counts, Upto(until=20 + number), max_attempts=3)
    for number in range(3):
        await world.create(Ticker, TickerParams(until=30), id=f"tick{number}")
    await world.clock.advance(f"{seconds}s")
    world.calm()
    await world.until(lambda: all(world.task(t).is_finished for t in tasks_of(world.events)))
    assert {world.task(t).status for t in tasks_of(world.events)} == {"succeeded"}
    return list(map(str, world.events))


def tasks_of(events: Sequence[Event]) -> set[str]:
    return {event.task for event in events if event.task}


async def test_x39_one_seed_tells_one_story(cluster: ClusterFactory) -> None:
    first = await story(cluster, 7)
    again = await story(cluster, 7)
    assert first == again
    assert {"kill", "cut_off", "drain", "slow"} <= {line.split()[-1] for line in first}
    assert await story(cluster, 8) != first


async def test_ex_45_a_killed_node_costs_neither_state_nor_attempt(cluster: ClusterFactory) -> None:
    world = await cluster(counts, notes)
    made = await world.create(counts, Upto(until=6))
    beside = await world.create(notes, Upto())
    await world.until(lambda: world.task(made.id).state == {"n": 3})
    first = world.task(made.id)
    world.kill(first.assignment.node)
    again = await world.running(made.id, beyond=first.allocation_id)
    assert again.assignment.node != first.assignment.node
    assert (again.state, again.attempts, again.state_is_current) == ({"n": 3}, 0, False)
    ended = await world.ended(made.id)
    last = ended.last_outcome
    assert (last.result, last.allocation_id) == (6, again.allocation_id)
    runs = (await world.client.runs(made.id)).runs
    assert [run.outcome for run in runs] == ["succeeded", "lost"]
    await world.client.cancel(beside.id)
    assert (await world.ended(beside.id)).status == "cancelled"


async def test_ex_45_code_of_a_killed_node_has_no_last_word(cluster: ClusterFactory) -> None:
    world = await cluster(notes, nodes=1)
    made = await world.create(notes, Upto())
    await world.running(made.id)
    world.kill("n1")
    await world.clock.advance("1m")
    assert {what for _, _, what in SEEN} == {"works"}
    assert world.task(made.id).status == "unassigned"
    world.start("n1")
    again = await world.running(made.id, beyond=made.allocation_id)
    assert again.allocation_id > made.allocation_id


async def test_g6_an_exclusive_run_that_is_cut_off_ends_before_the_next_one_begins(
    cluster: ClusterFactory,
) -> None:
    world = await cluster(notes, nodes=2)
    made = await world.create(notes, Upto())
    await world.running(made.id)
    began = world.clock.elapsed
    world.cut_off(made.assignment.node)
    again = await world.running(made.id, beyond=made.allocation_id)
    assert (
        8 <= world.clock.elapsed - began < 12
    )  # R since it was heard last, and the way to the other node
    old = [what for _, token, what in SEEN if token == made.allocation_id]
    assert old[-2:] == ["lease", "finally"]
    tokens = [token for _, token, _ in SEEN]
    assert tokens == sorted(tokens)
    world.mend(made.assignment.node)
    await world.clock.advance("5s")
    assert world.task(made.id).allocation_id == again.allocation_id
    assert {node.status for node in (await world.client.cluster.nodes()).nodes} == {"ready"}


async def test_ex_45_a_drained_node_hands_over_and_a_slow_one_is_waited_for(
    cluster: ClusterFactory,
) -> None:
    world = await cluster(notes, nodes=2)
    made = await world.create(notes, Upto())
    await world.running(made.id)
    world.slow(made.assignment.node, "300ms")
    await world.clock.advance("30s")
    assert world.task(made.id).allocation_id == made.allocation_id
    world.mend(made.assignment.node)
    await world.drain(made.assignment.node)
    again = await world.running(made.id, beyond=made.allocation_id)
    assert (again.assignment.node != made.assignment.node, again.attempts) == (True, 0)
    assert ("move" in {what for _, _, what in SEEN}, tokens_grow()) == (True, True)
    await world.undrain(made.assignment.node)


def tokens_grow() -> bool:
    tokens = [token for _, token, _ in SEEN]
    return tokens == sorted(tokens)


async def test_ex_45_a_plain_def_sleeps_by_the_clock_and_is_killed_like_any_other(
    cluster: ClusterFactory,
) -> None:
    world = await cluster(plain, nodes=2)
    made = await world.create(plain, Upto(until=3))
    await world.until(lambda: world.task(made.id).state == {"n": 1})
    world.kill(world.task(made.id).assignment.node)
    ended = await world.ended(made.id)
    assert (ended.status, ended.last_outcome.result) == ("succeeded", 3)
    assert 30 <= world.clock.elapsed < 60
    assert [(line.event, line.fields) for line in world.log(made.id)] == [("done", {"n": 3})]


async def test_ex_45_the_hooks_are_asked_and_refusals_are_the_real_ones(
    cluster: ClusterFactory,
) -> None:
    world = await cluster(Chooses, counts, nodes={"n1": {}, "n2": {"disk": "ssd"}})
    with pytest.raises(InvalidRequest, match="odd numbers"):
        await world.create(Chooses, Upto(until=3))
    with pytest.raises(InvalidRequest, match=r"params\.until"):
        await world.create(counts, {"until": "x"})
    made = await world.create(Chooses, Upto(until=4))
    assert made.assignment.node == "n2"
    with pytest.raises(Conflict, match="already_exists"):
        await world.create(Chooses, Upto(until=6), id=made.id)
    with pytest.raises(NotFound):
        await world.client.get("nobody")
    world.kill("n2")
    lonely = await world.create(Chooses, Upto(until=8))
    await world.until(lambda: world.task(lonely.id).assignment.code == "executor_refused", "1m")
    told = (await world.client.explain(lonely.id)).explanation
    assert told.code == "executor_refused"


async def test_ex_45_the_client_is_the_products(cluster: ClusterFactory) -> None:
    world = await cluster(parent, counts, settings={"nodes.reassign_after": "20s"})
    made = await world.create(parent, Upto(until=2), labels={"team": "x"})
    children = [f"{made.id}/c{n}" for n in range(2)]
    assert (await world.ended(children[1])).status == "succeeded", world.task(
        children[1]
    ).last_outcome
    assert (await world.client.wait(children[0], timeout_s=60)).task.status == "succeeded"
    with pytest.raises(TimedOut):
        await world.client.wait(made.id, timeout_s=60)
    listed = await world.client.list(Filter(parent=made.id, include_finished=True))
    assert sorted(task.id for task in listed.tasks) == children
    changed = await world.client.cancel(made.id, ChangeOptions(reason="enough"))
    assert changed.task.status == "stopping"
    assert (await world.ended(made.id)).status == "cancelled"
    with pytest.raises(NotImplementedError, match="no streams"):
        await anext(world.client.watch())


async def test_ex_45_a_wait_in_vain_says_what_happened_last(cluster: ClusterFactory) -> None:
    world = await cluster(notes, nodes=1)
    made = await world.create(notes, Upto())
    with pytest.raises(HarnessError, match=rf"not within 20s; .*{made.id}#1 running on n1"):
        await world.ended(made.id, within="20s")
    with pytest.raises(KeyError, match="no node n9; there are n1"):
        world.kill("n9")


@pytest.mark.parametrize("wrong", [{"kill": 2}, {"slow": -0.1}])
def test_ex_45_a_fault_has_a_probability(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be 0 to 1"):
        Faults(**wrong)
