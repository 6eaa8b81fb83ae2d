"""A world whose members come and go: what the shell does for a newcomer is done by hand here."""

from __future__ import annotations

from collections.abc import Sequence

from typing_extensions import override

from coordinator.codec.snapshots import digest_of
from coordinator.consensus.messages import Append, ConfState, Message
from coordinator.machine import commands as c
from coordinator.machine.outcome import Accepted, Outcome
from coordinator.model.members import MemberChange, MemberRecord
from coordinator.replica import effects as e
from coordinator.replica import inputs as i
from coordinator.replica.member_changes import Stage
from tests.unit.replica.world import Disk, FakeNode, Member, World

DIGEST_EVERY = 7


class GrowingWorld(World):
    """`join` starts a newcomer as its process would be started; members that were removed leave by themselves."""

    def __init__(self, members: int = 3, **options: int) -> None:
        self.left: set[int] = set()
        self.held: dict[int, list[tuple[int, Message]]] = {}
        super().__init__(members, **options)
        FakeNode(self, "n1").register()

    @override
    def start(self, number: int) -> None:
        self.config["digest_every_entries"] = DIGEST_EVERY
        super().start(number)

    @override
    def do(self, member: Member, effect: e.Effect, written: list[int]) -> None:
        super().do(member, effect, written)
        match effect:
            case e.Applied():  # those that are none any more greet again, and are told (M4)
                state = member.replica.state
                gone = {n for n in self.disks if n <= state.last_member_id} - set(state.members)
                self.left |= gone
            case e.TakeDigest():
                member.inbox.append(i.DigestTaken(effect.index, digest_of(effect.frozen)))
            case e.SayDigest() if (member.number, effect.member) not in self.cut:
                if effect.member in self.members:
                    said = i.DigestSaid(member.number, effect.index, effect.digest)
                    self.members[effect.member].inbox.append(said)

    # -- messages held back ---------------------------------------------------------------------

    @override
    def deliver(self, sender: int, to: int, messages: Sequence[Message]) -> None:
        if sender not in self.held:
            super().deliver(sender, to, messages)
            return
        passing = [one for one in messages if not isinstance(one, Append)]
        self.held[sender] += [(to, one) for one in messages if isinstance(one, Append)]
        if passing:
            super().deliver(sender, to, passing)

    def hold_appends_of(self, sender: int) -> int:
        """Heartbeats pass, entries do not, until `let_go`."""
        self.held[sender] = []
        return sender

    def let_go(self, sender: int) -> None:
        for to, message in self.held.pop(sender):
            super().deliver(sender, to, (message,))
        self.settle()

    # -- members --------------------------------------------------------------------------------

    @property
    def conf(self) -> ConfState:
        return self.leader().replica.raft.configuration()

    @property
    def change(self) -> MemberChange | None:
        return self.leader().replica.state.member_change

    @property
    def stage(self) -> Stage | None:
        leading = self.leader().replica.leading
        return leading.member_changes.stage() if leading is not None else None

    def record(self, name: str) -> MemberRecord:
        """The newest of that name."""
        found = [m for m in self.leader().replica.state.members_by_id() if m.name == name]
        return found[-1]

    def ask(self, wish: c.Command, request_id: str = "") -> Outcome:
        return self.outcomes(self.submit(wish, request_id=request_id))[0]

    def add(self, name: str, replaces: int = 0) -> int:
        """The wish; the id given."""
        outcome = self.ask(c.AddMember(name, f"127.0.0.1:{name}", replaces))
        assert isinstance(outcome, Accepted), outcome
        return self.record(name).id

    def join(self, name: str) -> int:
        """It introduces itself with an empty directory, and starts when it is told its id."""
        number = self.record(name).id
        outcome = self.ask(c.BindMember(number, f"disk-{number}"))
        assert isinstance(outcome, Accepted), outcome
        self.disks[number] = Disk()
        self.start(number)
        return number

    def remove(self, number: int) -> Outcome:
        return self.ask(c.RemoveMember(number))

    def until_done(self, ms: int = 20_000) -> None:
        self.until(lambda: self.change is None, ms)

    def until_equal(self) -> None:
        """All that are members have applied the same."""

        def revisions() -> set[int]:
            state = self.leader().replica.state
            return {self.members[n].replica.state.revision for n in state.members}

        self.until(lambda: len(revisions()) == 1)
