"""What a task asks of a node's attributes, and of what runs there (PT-83)."""

from __future__ import annotations

from collections.abc import Iterable

from coordinator.assignment.load import Load
from coordinator.model.constraints import AttributeTest, Constraints
from coordinator.model.ids import NodeName
from coordinator.model.nodes import Node


def ruled_out(constraints: Constraints, node: Node, load: Load) -> str | None:
    """Why the node will not do, for people; None when it will."""
    attributes = dict(node.attributes)
    for test in constraints.require:
        if not _holds(test, attributes):
            return f"{_said(test)} is required, it has {_has(test, attributes)}"
    for test in constraints.avoid:
        if _holds(test, attributes):
            return f"{_said(test)} is to be avoided"
    return crowded(constraints, node.name, load)


def missing(constraints: Constraints, node: Node) -> list[str]:
    """What is required and this node has not."""
    attributes = dict(node.attributes)
    return [_said(test) for test in constraints.require if not _holds(test, attributes)]


def unwanted(constraints: Constraints, node: Node) -> list[str]:
    """What is to be avoided and this node has."""
    attributes = dict(node.attributes)
    return [_said(test) for test in constraints.avoid if _holds(test, attributes)]


def crowded(constraints: Constraints, node: NodeName, load: Load) -> str | None:
    """That alone of the above which a placement can change."""
    for label in constraints.apart:
        if load.labelled(node, label):
            return f"runs a task labelled {label}"
    return None


def preference(constraints: Constraints, node: Node) -> int:
    """Weights of the preferences that the node meets, added up."""
    attributes = dict(node.attributes)
    return sum(one.weight for one in constraints.prefer if _holds(one.test, attributes))


class Spreads:
    """Runs of an executor by the values of an attribute; counted when first asked for, then kept up."""

    def __init__(self, nodes: Iterable[Node], load: Load) -> None:
        self._nodes = {node.name: dict(node.attributes) for node in nodes}
        self._load = load
        self._runs: dict[tuple[str, str], dict[str, int]] = {}

    def crowd(self, constraints: Constraints, executor: str, node: NodeName) -> int:
        """Runs of the executor where the node's values are, one number for all attributes."""
        total = 0
        for attribute in constraints.spread:
            runs = self._runs.get((executor, attribute))
            if runs is None:
                runs = self._runs[executor, attribute] = self._counted(executor, attribute)
            total += runs.get(self._nodes[node].get(attribute, ""), 0)
        return total

    def placed(self, executor: str, node: NodeName) -> None:
        for (of, attribute), runs in self._runs.items():
            if of == executor:
                value = self._nodes[node].get(attribute, "")
                runs[value] = runs.get(value, 0) + 1

    def _counted(self, executor: str, attribute: str) -> dict[str, int]:
        runs: dict[str, int] = {}
        for name, attributes in self._nodes.items():
            value = attributes.get(attribute, "")
            runs[value] = runs.get(value, 0) + self._load.runs_of(name, executor)
        return runs


def _holds(test: AttributeTest, attributes: dict[str, str]) -> bool:
    value = attributes.get(test.attribute)
    return value is not None and (not test.values or value in test.values)


def _said(test: AttributeTest) -> str:
    return f"{test.attribute}={','.join(test.values)}" if test.values else test.attribute


def _has(test: AttributeTest, attributes: dict[str, str]) -> str:
    return attributes.get(test.attribute, f"no {test.attribute}")
