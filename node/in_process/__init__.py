"""A whole cluster in one process and one event loop, by a clock that jumps: the fixture `cluster` of the test kit (EX-45).

What decides is the product itself: the coordinator's `Replica` behind its pump and its handlers, `NodeCore` on every node,
the worker's own `Run` around user code, the `Client` in front. What is left out is what would need a machine: disks,
sockets, processes, signals. So records, allocation ids, leases, placement and refusals are the real ones, and nothing has
to be held to the truth by a second suite.

A death is one: code of a killed process or node stops in the middle, without `except` or `finally`. All dice come from one
seed, and the clock moves only when nothing else can happen, so a seed gives the same events again, as long as no thread
(a plain def) is at work.

Why it is a room of its own, beside the node's modules: tests of plugins need it, nodes do not. It alone may look into both
halves, coordinator and node; `executors.testing.plugin` is the only door to it. Reading order: `factory`, `cluster` (what tests
see), `coordinator`, `machine` (a node), `session`, `worker`; `client`, `faults`, `events`, `pipe`, `naps`.
"""

from node.in_process.cluster import InProcessCluster
from node.in_process.events import Event
from node.in_process.factory import ClusterFactory
from node.in_process.faults import Faults

__all__ = ["ClusterFactory", "Event", "Faults", "InProcessCluster"]
