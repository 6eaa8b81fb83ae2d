"""The last step of a wish: to the log, or tried on a copy where nothing is to be written."""

from __future__ import annotations

from collections.abc import Callable

from coordinator.machine.apply import apply
from coordinator.machine.commands import ChangeTasks, Command, Request
from coordinator.machine.outcome import Outcome
from coordinator.model.ids import NodeName, TaskId
from coordinator.model.settings import Settings
from coordinator.model.state import ClusterState
from coordinator.replica.inputs import Asked
from coordinator.replica.proposals import OnAnswer, Proposal, Proposals

Submit = Callable[[Asked, Command, OnAnswer], None]


def submitter(proposals: Proposals, state: Callable[[], ClusterState]) -> Submit:
    """Proposes, or answers a dry run. What the level in force does not allow is refused (U1)."""

    def submit(asked: Asked, command: Command, on_answer: OnAnswer) -> None:
        held_back = proposals.gate(command)
        if held_back is not None:
            on_answer(held_back)
        elif asked.dry_run:
            on_answer(would(state(), command))
        else:
            request = Request(command, asked.request_id, asked.content, asked.asker)
            proposals.add(Proposal(request, on_answer))

    return submit


def would(state: ClusterState, command: Command) -> Outcome:
    """A dry run: the law, applied to a copy of just what the command is about."""
    copy = ClusterState()
    copy.begin_entry(state.revision, state.at)
    copy.last_allocation_id = state.last_allocation_id
    copy.settings = Settings(dict(state.settings.values))
    copy.feature_level = state.feature_level
    copy.limit_overrides = dict(state.limit_overrides)
    copy.paused_executors = dict(state.paused_executors)
    copy.manifests = {name: dict(known) for name, known in state.manifests.items()}
    for member in state.members_by_id():
        copy.put_member(member)
    copy.last_member_id, copy.member_change = state.last_member_id, state.member_change
    parts = command.changes if isinstance(command, ChangeTasks) else (command,)
    for part in parts:
        task = state.tasks.get(TaskId(getattr(part, "task_id", "")))
        if task is not None:
            copy.put_task(task)
    node = state.nodes.get(NodeName(getattr(command, "name", "")))
    if node is not None:
        copy.put_node(node)
    return apply(copy, command)
