"""The stories of the kind *interaction*: members that exchange messages, and what one can do to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from coordinator.consensus.messages import ConfChange, InstallSnapshot, Transition
from coordinator.consensus.sizes import NO_LIMIT
from tests.conformance import printer
from tests.conformance.group import ERRORS, Group, Member, Recipient
from tests.conformance.options import new_member_options
from tests.conformance.output import Output
from tests.conformance.reader import Argument, Directive
from tests.conformance.values import Refused, operations, truth

_TRANSITIONS = {
    "auto": Transition.AUTO,
    "implicit": Transition.IMPLICIT,
    "explicit": Transition.EXPLICIT,
}


class InteractionKind:
    """A group, at first without members."""

    def __init__(self) -> None:
        self._output = Output()
        self._group = Group(self._output)
        self._handlers: dict[str, Callable[[Directive], None]] = {
            "_breakpoint": lambda _: None,
            "add-nodes": self._add_nodes,
            "campaign": lambda d: self._only(d).raft.campaign(),
            "compact": self._compact,
            "deliver-msgs": self._deliver,
            "forget-leader": lambda d: self._only(d).raft.forget_leader(),
            "log-level": lambda d: self._output.set_level(d.arguments[0].key),
            "process-append-thread": lambda d: self._process(d, *_APPEND),
            "process-apply-thread": lambda d: self._process(d, *_APPLY),
            "process-ready": lambda d: self._process(d, *_READY),
            "propose": self._propose,
            "propose-conf-change": self._propose_conf_change,
            "raft-log": lambda d: self._raft_log(self._only(d)),
            "raft-state": self._raft_state,
            "report-unreachable": self._report_unreachable,
            "send-snapshot": self._send_snapshot,
            "set-randomized-election-timeout": self._set_timeout,
            "stabilize": self._stabilize,
            "status": self._status,
            "tick-election": lambda d: self._tick(d, self._only(d).config.election_tick),
            "tick-heartbeat": lambda d: self._tick(d, self._only(d).config.heartbeat_tick),
            "transfer-leadership": self._transfer,
        }

    def handle(self, directive: Directive) -> str:
        self._output.begin()
        handler = self._handlers.get(directive.name)
        error = ""
        if handler is None:
            error = "unknown command"
        else:
            try:
                handler(directive)
            except Refused as refused:
                error = str(refused)
            except tuple(ERRORS) as known:
                error = ERRORS[type(known)]
        return (self._output.text() + error) or "ok"

    # Whom a directive is about

    def _only(self, directive: Directive) -> Member:
        return self._group.member(int(directive.arguments[0].key))

    def _named(self, arguments: Sequence[Argument]) -> list[Member]:
        return [self._group.member(int(a.key)) for a in arguments if not a.values]

    # The group

    def _add_nodes(self, directive: Directive) -> None:
        count, *options = directive.arguments
        make_config, start = new_member_options(options)
        for _ in range(int(count.key)):
            try:
                config = make_config(len(self._group.members) + 1)
            except ValueError as error:
                raise Refused(str(error)) from error
            self._group.add(config, start)

    def _raft_state(self, directive: Directive) -> None:
        del directive
        for member in self._group.members:
            status = member.raft.status()
            voters = (*status.conf.voters, *status.conf.voters_outgoing)
            kind = "(Voter)" if status.id in voters else "(Non-Voter)"
            role = printer.role_name(status.role)
            self._output.line(
                f"{status.id}: {role} {kind} Term:{status.term} Lead:{status.leader_id}"
            )

    def _stabilize(self, directive: Directive) -> None:
        members = self._named(directive.arguments) or list(self._group.members)
        level: str | None = None
        for argument in directive.arguments:
            if argument.key == "log-level":
                level = argument.values[0]
        with self._output.level(level):
            while self._stabilize_once(members):
                pass

    def _stabilize_once(self, members: Sequence[Member]) -> bool:
        did_something = False
        for member in members:
            if member.raft.has_ready():
                self._titled(member, *_READY)
                did_something = True
        for member in members:
            if self._group.has_messages(member):
                self._output.line(f"> {member.id} receiving messages")
                with self._output.indented():
                    self._group.deliver(Recipient(member.id))
                did_something = True
        for thread in (_APPEND, _APPLY):
            for member in members:
                did_something |= self._work_off(member, *thread)
        return did_something

    def _work_off(self, member: Member, title: str, work: _Work) -> bool:
        queue = member.append_work if title == _APPEND[0] else member.apply_work
        if not queue:
            return False
        self._output.line(f"> {member.id} {title}")
        while queue:
            with self._output.indented():
                work(self._group, member)
        return True

    # Ready and storage

    def _process(self, directive: Directive, title: str, work: _Work) -> None:
        members = self._named(directive.arguments)
        for member in members:
            if len(members) > 1:
                self._titled(member, title, work)
            else:
                work(self._group, member)

    def _titled(self, member: Member, title: str, work: _Work) -> None:
        self._output.line(f"> {member.id} {title}")
        with self._output.indented():
            work(self._group, member)

    def _raft_log(self, member: Member) -> None:
        first, last = member.storage.first_index(), member.storage.last_index()
        if last < first:
            self._output.write(f"log is empty: first index={first}, last index={last}")
            return
        for entry in member.storage.entries(first, last + 1, NO_LIMIT):
            self._output.line(printer.entry_line(entry))

    def _compact(self, directive: Directive) -> None:
        member = self._only(directive)
        member.storage.compact(int(directive.arguments[1].key))
        self._raft_log(member)

    # Messages

    def _deliver(self, directive: Directive) -> None:
        recipients: list[Recipient] = []
        only_type: str | None = None
        for argument in directive.arguments:
            match argument.key:
                case "type":
                    only_type = argument.values[0]
                case "drop":
                    recipients += [Recipient(int(value), drop=True) for value in argument.values]
                case number:
                    recipients.append(Recipient(int(number)))
        if not sum([self._group.deliver(recipient, only_type) for recipient in recipients]):
            self._output.line("no messages")

    def _send_snapshot(self, directive: Directive) -> None:
        sender, receiver = self._named(directive.arguments)
        message = InstallSnapshot(
            sender.id, receiver.id, sender.raft.term, sender.storage.snapshot()
        )
        self._group.in_flight.append(message)
        self._output.write(printer.message_line(message))

    # One member

    def _tick(self, directive: Directive, count: int) -> None:
        member = self._only(directive)
        for _ in range(count):
            member.raft.tick()

    def _set_timeout(self, directive: Directive) -> None:
        timeout = _value(directive, "timeout")
        self._only(directive).raft.core.randomized_timeout = int(timeout)

    def _propose(self, directive: Directive) -> None:
        if len(directive.arguments) != 2:
            raise ValueError("propose takes a member and one word")
        self._only(directive).raft.propose(directive.arguments[1].text.encode())

    def _propose_conf_change(self, directive: Directive) -> None:
        one_step, transition = False, Transition.AUTO
        settings = [(a.key, value) for a in directive.arguments[1:] for value in a.values]
        for key, value in settings:
            match key:
                case "v1":
                    one_step = truth(value)
                case "transition":
                    transition = _transition(value)
                case _:
                    raise Refused(f"unknown command {key}")
        changes = operations(directive.input)
        if one_step and (len(changes) > 1 or transition is not Transition.AUTO):
            raise Refused("v1 conf change can only have one operation and no transition")
        change = ConfChange(changes, transition)
        self._only(directive).raft.propose_conf_change(change, one_step=one_step)

    def _status(self, directive: Directive) -> None:
        status = self._only(directive).raft.status()
        self._output.write(printer.progress_lines(status.progress))

    def _report_unreachable(self, directive: Directive) -> None:
        members = self._named(directive.arguments)
        if len(members) != 2:
            raise Refused(
                "must specify exactly two node indexes: node on which to report, and reported node"
            )
        members[0].raft.report_unreachable(members[1].id)

    def _transfer(self, directive: Directive) -> None:
        leader = self._group.member(int(_value(directive, "from")))
        leader.raft.transfer_leader(int(_value(directive, "to")))


_Work = Callable[[Group, Member], None]
_READY: tuple[str, _Work] = ("handling Ready", Group.process_ready)
_APPEND: tuple[str, _Work] = ("processing append thread", Group.process_append)
_APPLY: tuple[str, _Work] = ("processing apply thread", Group.process_apply)


def _transition(name: str) -> Transition:
    if name not in _TRANSITIONS:
        raise Refused(f"unknown transition {name}")
    return _TRANSITIONS[name]


def _value(directive: Directive, key: str) -> str:
    for argument in directive.arguments:
        if argument.key == key:
            return argument.values[0]
    raise ValueError(f"{directive.name} needs {key}=")
