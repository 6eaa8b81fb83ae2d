"""The fixture `cluster`: makes clusters in the loop of the test, and ends them with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from executors.registry import Registry
from executors.testing.bench import Bench
from executors.testing.harness import Executor, definition_of
from node.in_process.cluster import InProcessCluster, Options
from node.in_process.faults import Faults
from node.in_process.worker import make_task

NODES = 3


class ClusterFactory:
    """`await cluster(MyExecutor)`: a cluster whose coordinator and nodes have these executors, and no others."""

    is_ptasks_fixture = True

    def __init__(self) -> None:
        self._bench: Bench | None = None
        self._made: list[InProcessCluster] = []

    async def __call__(
        self,
        *executors: Executor,
        nodes: int | Sequence[str] | Mapping[str, Mapping[str, str]] = NODES,
        seed: int = 0,
        faults: Faults | None = None,
        capacity: int = 10,
        settings: Mapping[str, str] | None = None,
    ) -> InProcessCluster:
        """Ready when this returns: the coordinator leads, and all nodes have registered. The one made before has ended.

        `nodes`: how many (n1, n2, ...), their names, or names with attributes. `seed`: of all dice. `faults`: from the
        first moment on, by these dice. `capacity`: of each node, in normal tasks. `settings`: of the cluster.
        """
        registry = Registry()
        for executor in executors:
            registry.add(definition_of(executor), "this test")
        for before in self._made:
            before.close()
        options = Options(seed, capacity, settings or {})
        made = InProcessCluster(self._enter(), registry, _named(nodes), options)
        self._made.append(made)
        await made.open()
        if faults is not None:
            made.let_loose(faults)
        return made

    def close(self) -> None:
        """End all of them, and give the loop its own clock back."""
        for made in self._made:
            made.close()
        self._made.clear()
        if self._bench is not None:
            self._bench.leave()
            self._bench = None

    def _enter(self) -> Bench:
        if self._bench is None:
            self._bench = Bench.enter()
            self._bench.loop.set_task_factory(make_task)  # the bench puts back what was there
        return self._bench


def _named(
    nodes: int | Sequence[str] | Mapping[str, Mapping[str, str]],
) -> Mapping[str, Mapping[str, str]]:
    if isinstance(nodes, int):
        return {f"n{number}": {} for number in range(1, nodes + 1)}
    return nodes if isinstance(nodes, Mapping) else {name: {} for name in nodes}
