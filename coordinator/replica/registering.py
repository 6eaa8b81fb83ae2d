"""A node's registration against what the log knows of it."""

from __future__ import annotations

from collections.abc import Mapping

from coordinator.machine.commands import JoinNode
from coordinator.model.nodes import LoadError, Manifest, Node, NodeStatus, Offer
from coordinator.replica.sayings import Registration


def is_known(node: Node, said: Registration) -> bool:
    """The log has accepted this very incarnation with this very offer."""
    same = node.incarnation == said.incarnation and node.status is NodeStatus.READY
    return same and node.offers == _offers(said) and node.load_errors == said.load_errors


def _offers(said: Registration) -> tuple[Offer, ...]:
    return tuple(Offer(m.executor, m.version, m.hash) for m in said.manifests)


def proves_dead(node: Node, said: Registration) -> bool:
    """Whether what cleared up where `said` comes from saw all that `node` may have left (N6).

    That is so in the same boot and process-id namespace, and in a later boot of that machine. An
    earlier boot, another machine or an order that nobody knows prove nothing: the node has to wait.
    """
    if said.uid != node.uid:
        return False
    if said.boot_id == node.boot_id:
        return said.pid_namespace == node.pid_namespace
    same_machine = said.machine != "" and said.machine == node.machine
    return same_machine and 0 < node.boot_counter < said.boot_counter


def join_command(
    said: Registration,
    node: Node | None,
    known: Mapping[str, Mapping[str, Manifest]],
    manifests: tuple[Manifest, ...] | None = None,
    errors: tuple[LoadError, ...] | None = None,
) -> JoinNode:
    """`old_is_dead`: the node says that nothing of its old life is left, and we can know it.

    Manifests that the state has (`known`: by executor and hash) do not travel through the log again.
    """
    offered = said.manifests if manifests is None else manifests
    return JoinNode(
        name=said.name,
        incarnation=said.incarnation,
        uid=said.uid,
        counter=said.counter,
        capacity=said.capacity,
        offers=tuple(Offer(m.executor, m.version, m.hash) for m in offered),
        attributes=said.attributes,
        load_errors=said.load_errors if errors is None else errors,
        version=said.version,
        python=said.python,
        feature_level=said.feature_level,
        boot_id=said.boot_id,
        pid_namespace=said.pid_namespace,
        boot_counter=said.boot_counter,
        machine=said.machine,
        old_is_dead=said.old_is_dead and node is not None and proves_dead(node, said),
        manifests=tuple(m for m in offered if m.hash not in known.get(m.executor, ())),
    )
