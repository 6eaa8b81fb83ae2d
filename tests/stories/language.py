"""The words of the stories, read into commands.

`verb name key=value flag`: values have no spaces (in texts `+` is read as one). What is not said
is taken from the state: the current allocation id, the node's current incarnation.
"""

from __future__ import annotations

from collections.abc import Callable

from coordinator.machine import commands as c
from coordinator.model.concurrency import TaskLimit
from coordinator.model.ids import AllocationId, Incarnation, NodeName, TaskId
from coordinator.model.nodes import LoadError, Manifest, Offer
from coordinator.model.settings import duration_text
from coordinator.model.tasks import Assignment, Code, RunOutcome, StopReason
from tests.stories.recurring import SeriesTeller
from tests.stories.telling import told_members, told_node, told_task
from tests.stories.words import Words


class Teller(SeriesTeller):
    """Reads lines against a state, which fills in what they leave out."""

    def show(self, lines: list[str]) -> list[str] | None:
        """What `show [task, node, members or reassign_after]...` shows; None if the lines are commands."""
        if not lines[0].startswith("show"):
            return None
        if lines[0] == "show members":
            return told_members(self.state)
        names = lines[0].split()[1:] or [*self.state.nodes, *sorted(self.state.tasks)]
        return [self._shown(name) for name in names]

    def request(self, line: str) -> c.Request:
        words = Words(line)
        request_id, content = words.pairs.pop("request", ""), words.number("content", 1)
        read: Callable[[Words], c.Command] = getattr(self, "_" + words.verb.replace("-", "_"))
        return c.Request(read(words), request_id, content)

    def _shown(self, name: str) -> str:
        task = self.state.tasks.get(TaskId(name))
        if task is not None:
            return told_task(task)
        if name == "reassign_after":
            return f"{name}: {duration_text(self.state.reassign_ms)} in force"
        node = self.state.nodes.get(NodeName(name))
        return told_node(node) if node is not None else f"{name}: unknown"

    # -- tasks ----------------------------------------------------------------------------------

    def _create(self, w: Words) -> c.CreateTask:
        paused, require, replace = w.flag("paused"), w.flag("require"), w.flag("replace")
        spec, policy = self._asked(w)
        return c.CreateTask(
            TaskId(w.names[0]),
            w.pairs.get("executor", "demo.noop"),
            w.number("version", 1),
            w.pairs.get("params", "{}").encode(),
            spec,
            policy,
            self._place(w),
            paused,
            require,
            replace,
            by_run=self._by_run(w),
            limits=self._limits(w),
        )

    def _by_run(self, w: Words) -> tuple[AllocationId, Incarnation] | None:
        """`by-run`: the parent's current one; `by-run=3`: under this number."""
        if not w.flag("by-run") and "by-run" not in w.pairs:
            return None
        parent = self.state.tasks.get(TaskId(w.pairs["parent"]))
        if parent is None:
            return AllocationId(w.number("by-run")), Incarnation("none")
        number = AllocationId(w.number("by-run", parent.allocation_id))
        return number, parent.assignment.incarnation or Incarnation("none")

    def _assign(self, w: Words) -> c.AssignTask:
        task_id = TaskId(w.names[0])
        return c.AssignTask(task_id, self._allocation(w, task_id), self._place(w))

    def _start(self, w: Words) -> c.StartRun:
        return c.StartRun(*self._run(w), self.at)

    def _state(self, w: Words) -> c.WriteState:
        value = w.pairs.get("value")
        state = None if value is None else value.encode()
        return c.WriteState(*self._run(w), w.number("seq", 1), state, 1)

    def _end(self, w: Words) -> c.EndRun:
        run = self._run(w)
        return c.EndRun(
            *run,
            RunOutcome(w.names[1]),
            reason=w.text("reason"),
            result=w.pairs["result"].encode() if "result" in w.pairs else None,
            permanent=w.flag("permanent"),
            retry_at=self.instant(w.pairs["retry"]) if "retry" in w.pairs else 0,
            started_at=self.instant(w.pairs["started"]) if "started" in w.pairs else 0,
            lasted_ms=self.millis(w.pairs.get("lasted", "0s")),
            handed_back=w.flag("handed-back"),
            worker_died=w.flag("worker-died"),
            has_final_state="state" in w.pairs,
            final_state=w.pairs.get("state", "").encode() or None,
            final_state_version=1,
            final_state_seq=w.number("seq", 1),
            error_text=w.text("error"),
            next=self._choice(w.pairs["next"]) if "next" in w.pairs else None,
            retry_given=w.flag("asked"),
            again_at=self.instant(w.pairs["again"]) if "again" in w.pairs else 0,
            schedule=self.schedule(w),
            then=w.text("then"),
        )

    def _stop(self, w: Words) -> c.StopRun:
        task_id, allocation_id, incarnation = self._run(w)
        return c.StopRun(task_id, allocation_id, StopReason(w.names[1]), incarnation)

    def _defer(self, w: Words) -> c.DeferMove:
        task_id = TaskId(w.names[0])
        return c.DeferMove(task_id, self._allocation(w, task_id), w.text("text"))

    # -- nodes ----------------------------------------------------------------------------------

    def _join(self, w: Words) -> c.JoinNode:
        name, counter = w.names[0], w.number("counter", 1)
        offers = w.pairs.get("offers", "demo.noop@1").split(",")
        cut = [offer.partition("@") for offer in offers if offer]
        return c.JoinNode(
            NodeName(name),
            Incarnation(w.pairs.get("incarnation", f"{counter}-{name}")),
            w.pairs.get("uid", f"uid-{name}"),
            counter,
            w.number("capacity", 2),
            tuple(
                Offer(executor, int(version), f"{executor}{version}")
                for executor, _, version in cut
            ),
            load_errors=(LoadError("bad", w.text("broken")),) if "broken" in w.pairs else (),
            old_is_dead=w.flag("proof"),
            feature_level=w.number("level", 1),
            manifests=tuple(
                Manifest(executor, int(version), f"{executor}{version}", b"{}")
                for executor, _, version in cut
            ),
        )

    def _lose(self, w: Words) -> c.LoseNode:
        left = w.flag("left")
        name, incarnation = self._node(w)
        return c.LoseNode(name, incarnation, left, w.text("reason"), self._placements(w))

    def _lose_runs(self, w: Words) -> c.LoseRuns:
        name, incarnation = self._node(w)
        runs = tuple((TaskId(t), self._allocation(w, TaskId(t))) for t in w.names[1:])
        return c.LoseRuns(name, incarnation, runs, w.text("reason"), self._placements(w))

    def _drain(self, w: Words) -> c.DrainNode:
        kind = w.pairs.get("kind", "remove")
        return c.DrainNode(NodeName(w.names[0]), kind, w.text("reason"), w.pairs.get("by", "ann"))

    def _undrain(self, w: Words) -> c.UndrainNode:
        return c.UndrainNode(NodeName(w.names[0]))

    def _remove_node(self, w: Words) -> c.RemoveNode:
        return c.RemoveNode(NodeName(w.names[0]))

    def _forget_node(self, w: Words) -> c.ForgetNode:
        return c.ForgetNode(*self._node(w))

    # -- the rest -------------------------------------------------------------------------------

    def _set(self, w: Words) -> c.SetSettings:
        by, reset = w.pairs.pop("by", "ann"), w.pairs.pop("reset", "")
        return c.SetSettings(tuple(w.pairs.items()), tuple(filter(None, reset.split(","))), by)

    def _set_limit(self, w: Words) -> c.SetLimit:
        key = w.names[0].replace("~", "=")
        return c.SetLimit(w.pairs.get("scope", "cluster"), key, w.number("max"), "ann")

    def _remove_limit(self, w: Words) -> c.RemoveLimit:
        return c.RemoveLimit(w.pairs.get("scope", "cluster"), w.names[0].replace("~", "="))

    def _pause_executor(self, w: Words) -> c.PauseExecutor:
        stop = w.flag("stop")
        return c.PauseExecutor("".join(w.names), w.text("reason"), "ann", stop)

    def _resume_executor(self, w: Words) -> c.ResumeExecutor:
        return c.ResumeExecutor("".join(w.names), "ann")

    def _forget_requests(self, w: Words) -> c.ForgetRequests:
        return c.ForgetRequests(int(w.names[0]))

    def _raise_level(self, w: Words) -> c.RaiseFeatureLevel:
        return c.RaiseFeatureLevel(int(w.names[0]))

    def _drop_floor(self, w: Words) -> c.DropReassignFloor:
        floor = self.state.reassign_floor
        current = floor.revision if floor is not None else 0
        return c.DropReassignFloor(w.number("revision", current))

    def _check_digest(self, w: Words) -> c.CheckDigest:
        return c.CheckDigest(int(w.names[0]), w.names[1])

    # -- members --------------------------------------------------------------------------------

    def _add_member(self, w: Words) -> c.AddMember:
        address = w.pairs.get("at", f"host-{w.names[0]}:1")
        return c.AddMember(w.names[0], address, w.number("replaces"))

    def _bind_member(self, w: Words) -> c.BindMember:
        return c.BindMember(int(w.names[0]), w.text("storage"), w.text("http"))

    def _remove_member(self, w: Words) -> c.RemoveMember:
        return c.RemoveMember(int(w.names[0]))

    def _finish_change(self, w: Words) -> c.FinishMemberChange:
        change = self.state.member_change
        revision = w.number("revision", change.revision if change is not None else 0)
        gone = filter(None, w.pairs.get("gone", "").split(","))
        return c.FinishMemberChange(revision, tuple(int(number) for number in gone))

    # -- what is left out -----------------------------------------------------------------------

    def _run(self, w: Words) -> tuple[TaskId, AllocationId, Incarnation]:
        task_id = TaskId(w.names[0])
        task = self.state.tasks.get(task_id)
        current = task.assignment.incarnation if task is not None else None
        incarnation = Incarnation(w.pairs.get("incarnation", current or "none"))
        return task_id, self._allocation(w, task_id), incarnation

    def _node(self, w: Words) -> tuple[NodeName, Incarnation]:
        name = NodeName(w.names[0])
        node = self.state.nodes.get(name)
        current = node.incarnation if node is not None else "none"
        return name, Incarnation(w.pairs.get("incarnation", current))

    def _choice(self, name: str) -> Assignment:
        node = self.state.nodes.get(NodeName(name))
        incarnation = node.incarnation if node is not None else Incarnation("none")
        return Assignment(NodeName(name), incarnation, Code.ASSIGNED)

    def _place(self, w: Words) -> Assignment:
        if "node" in w.pairs:
            return self._choice(w.pairs["node"])
        code = Code(w.pairs.get("code", Code.AWAITING_FIRST_ASSIGNMENT))
        return Assignment(code=code, explanation=w.text("text"))

    def _limits(self, w: Words) -> tuple[TaskLimit, ...]:
        """`limits=cluster:KEY:MAX,...`; in a key `~` is read as `=`."""
        cut = [one.split(":") for one in filter(None, w.pairs.get("limits", "").split(","))]
        return tuple(
            TaskLimit(scope, ":".join(key).replace("~", "="), int(most))
            for scope, *key, most in cut
        )

    def _placements(self, w: Words) -> tuple[c.Placement, ...]:
        placements = []
        for pair in filter(None, w.pairs.get("place", "").split(",")):
            task_id, _, node = pair.partition(":")
            task = self.state.tasks[TaskId(task_id)]
            placements.append(c.Placement(task.id, task.allocation_id, self._choice(node)))
        return tuple(placements)
