"""The stories of the kind *confchange*: one configuration that is changed again and again."""

from __future__ import annotations

from coordinator.consensus import membership
from coordinator.consensus.errors import ConfigurationRefused
from coordinator.consensus.membership import Changed
from coordinator.consensus.tracker import Tracker
from tests.conformance import printer
from tests.conformance.reader import Directive
from tests.conformance.values import Refused, operations, truth

NAMES = frozenset({"simple", "enter-joint", "leave-joint"})


class ConfChangeKind:
    """A configuration, at first empty, and a last index that rises with every directive."""

    def __init__(self) -> None:
        self._tracker = Tracker(max_inflight=10)
        self._last_index = 0

    def handle(self, directive: Directive) -> str:
        try:
            changed = self._change(directive)
            self._tracker.adopt(changed, self._last_index)
        except ConfigurationRefused as error:
            raise Refused(str(error)) from error
        finally:
            self._last_index += 1
        views = {member: entry.view() for member, entry in self._tracker.progress.items()}
        line = printer.configuration(self._tracker.configuration)
        return f"{line}\n{printer.progress_lines(views)}"

    def _change(self, directive: Directive) -> Changed:
        configuration = self._tracker.configuration
        changes = operations(directive.input)
        match directive.name:
            case "simple":
                return membership.simple(configuration, changes)
            case "enter-joint":
                auto_leave = False
                for argument in directive.arguments:
                    if argument.key != "autoleave":
                        raise ValueError(f"unknown argument {argument.text}")
                    auto_leave = truth(argument.values[0])
                return membership.enter_joint(configuration, changes, auto_leave=auto_leave)
            case "leave-joint":
                if changes:
                    raise Refused("this command takes no input")
                return membership.leave_joint(configuration)
            case _:
                raise Refused("unknown command")
