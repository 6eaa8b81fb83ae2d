"""Stories: text files that drive the machine and show its answers.

A block is one or more command lines (together one log entry), a line `----`, and what came of it,
up to an empty line. Lines that begin with `#` and other text outside blocks are the tale.
`pytest tests/stories --rewrite` writes the answers anew; whoever reviews reads the difference.

After each block every invariant is checked, and the state must survive its own snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.codec.envelope import decode_batch, encode_batch
from coordinator.codec.snapshots import digest, encode, freeze, load
from coordinator.machine.apply import apply_batch
from coordinator.machine.commands import Batch, Request
from coordinator.machine.invariants import check
from coordinator.model.state import ClusterState
from tests.stories.language import Teller
from tests.stories.telling import told_event, told_outcome
from tests.stories.words import BEGINNING

RULE = "----"


def rewritten(text: str) -> str:
    """The story with the answers that the machine gives now. Equal to `text` if they still hold."""
    world = World()
    out: list[str] = []
    for commands, tale in blocks(text):
        out += tale
        if commands:
            out += [*commands, RULE, *world.tell(commands), ""]
    return "\n".join(out).rstrip("\n") + "\n"


class World:
    """A state, its clock and its log."""

    def __init__(self) -> None:
        self.state = ClusterState()
        self.at = BEGINNING
        self.index = 0
        self.log: list[bytes] = []

    def tell(self, lines: list[str]) -> list[str]:
        """Do what the lines say, as one entry, and tell what came of it."""
        teller = Teller(self.state, self.at)
        shown = teller.show(lines)
        if shown is not None:
            return shown
        requests = [teller.request(line) for line in lines if not self._waits(line)]
        if not requests:
            return [f"at {(self.at - BEGINNING) / 1000:g} s"]
        return self.enter(requests)

    def enter(self, requests: list[Request]) -> list[str]:
        """Append an entry, apply it as a member reads it, and tell outcomes and events."""
        self.index += 1
        payload = encode_batch(Batch(self.at, tuple(requests)))
        self.log.append(payload)
        outcomes = apply_batch(self.state, self.index, decode_batch(payload))
        told = [told_outcome(outcome) for outcome in outcomes]
        told += [line for event in self.state.take_events() for line in told_event(event)]
        check(self.state)
        if digest(load(encode(freeze(self.state)))) != digest(self.state):
            raise AssertionError("the state does not survive its own snapshot")
        return told

    def _waits(self, line: str) -> bool:
        verb, _, rest = line.partition(" ")
        if verb != "wait":
            return False
        self.at += Teller(self.state, self.at).millis(rest)
        return True


def blocks(text: str) -> Iterator[tuple[list[str], list[str]]]:
    """(commands, tale before them); the old answers are left out."""
    tale: list[str] = []
    lines = iter(text.splitlines())
    for line in lines:
        if not line or line.startswith("#"):
            tale.append(line)
            continue
        commands = [line]
        for more in lines:
            if more == RULE:
                break
            commands.append(more)
        for answer in lines:
            if not answer:
                break
        yield commands, tale
        tale = []
    yield [], tale
