"""What a supervisor lets its agents claim about the lives before theirs (N6)."""

from __future__ import annotations

import pytest

from node import effects
from node.supervisor import Supervisor


@pytest.mark.parametrize(
    "found, claimed",
    [
        ([True, True, True], [True, True, True]),
        ([False, True, True], [False, False, False]),
        ([True, False, True], [True, False, False]),
    ],
)
def test_n6_what_was_not_proven_once_is_never_claimed(
    monkeypatch: pytest.MonkeyPatch, found: list[bool], claimed: list[bool]
) -> None:
    supervisor = Supervisor.__new__(Supervisor)
    claims: list[bool] = []
    clean = [*found, True]

    def one_agent(_self: Supervisor, *, old_is_dead: bool) -> int:
        claims.append(old_is_dead)
        return effects.EXIT_ASKED if len(claims) == len(claimed) else effects.EXIT_ANEW

    class Enclosure:
        def remove(self) -> None: ...

    monkeypatch.setattr(Supervisor, "_one_agent", one_agent)
    monkeypatch.setattr(Supervisor, "_clear_up", lambda _self, *, first: clean.pop(0))
    monkeypatch.setattr("node.supervisor.signal.signal", lambda *_: None)
    monkeypatch.setattr("node.supervisor.signal.set_wakeup_fd", lambda *_, **__: None)
    monkeypatch.setattr("node.supervisor.adopt_orphans", lambda: None)
    supervisor._ring = supervisor._stops = supervisor._quick_deaths = 0
    supervisor._enclosure = Enclosure()  # type: ignore[assignment]
    assert supervisor.run() == effects.EXIT_ASKED
    assert claims == claimed
