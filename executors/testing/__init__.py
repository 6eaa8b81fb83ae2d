"""The test kit for authors of executors: your code in a pytest, by a virtual clock, without a cluster.

The fixture `executor_harness` comes with the installation; nothing has to be imported or configured:

    async def test_goes_on_where_it_was(executor_harness: HarnessFactory) -> None:
        run = await executor_harness(Ticker()).start(TickerParams(until=6))
        await run.until(checkpoints=3)
        again = await run.crash_and_resume()                     # all gone but the last durable state
        assert await again.result() == 6 and again.fencing_token > run.fencing_token

    class TestTicker(ExecutorContract):                          # what every executor owes, one subclass per executor
        executor = Ticker
        params = TickerParams(until=6)

    @pytest.mark.ptasks_chaos(kill=0.1, seeds=range(20))         # crashes at seeded points; the name tells the seed
    async def test_counts_all_the_same(executor_harness: HarnessFactory) -> None: ...

    async def test_goes_on_elsewhere(cluster: ClusterFactory) -> None:  # from node.in_process; real rules, no processes
        world = await cluster(Ticker, nodes=3, seed=7)
        made = await world.create(Ticker, TickerParams(until=6))
        await world.running(made.id)
        world.kill(made.assignment.node)                         # also: cut_off, slow, drain; Faults(...) by dice
        ended = await world.ended(made.id)
        assert ended.status == "succeeded" and ended.attempts == 0

The clock jumps when all code waits for it, so an hour of `task.sleep` takes no time; while a socket is open or a thread
works, time passes as usual. A crash is one: no `except` and no `finally` of yours runs. Runs end by the same rules as in
a worker, and a suite of ours holds the two to each other.

The fixture `cluster` is a whole cluster in this process: the product's own coordinator, nodes and workers with nothing but
disks, sockets and processes left out. `world.client` is the Python client, `world.events` the story, the same again for the
same seed. There, too, the clock jumps, but from beat to beat: an hour costs some seconds.

Why it is a room of its own: authors need it, clusters do not. Who may enter: tests. Reading order: `harness`, `run`,
`contract`, `schemas`; behind them `driving` (a run's life), `record` (what outlives it), `freezing` (sudden death),
`virtual_time`, `bench`, `plugin`, `trying` (`python -m executors try`).
"""

from executors.testing.chaos import Chaos
from executors.testing.contract import ContractBroken, ExecutorContract
from executors.testing.harness import Clock, Harness, HarnessFactory
from executors.testing.record import Ended, HarnessError, Line, Progress
from executors.testing.run import HarnessRun

__all__ = [
    "Chaos",
    "Clock",
    "ContractBroken",
    "Ended",
    "ExecutorContract",
    "Harness",
    "HarnessError",
    "HarnessFactory",
    "HarnessRun",
    "Line",
    "Progress",
]
