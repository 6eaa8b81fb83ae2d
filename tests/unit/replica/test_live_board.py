"""What the leader keeps of runs in progress is bounded in bytes, and no loss fails for it (G8)."""

from __future__ import annotations

import pytest

from coordinator.model.nodes import NodeStatus
from coordinator.model.tasks import Status
from coordinator.replica import inputs as i
from coordinator.replica import live as live_module
from coordinator.replica import proposals
from coordinator.replica.live import LiveBoard
from coordinator.replica.sayings import LiveLog, LiveProgress, NodeSaying
from tests.unit.replica.world import FakeNode, World, live


def line(task: str, text: str, allocation: int = 1) -> LiveLog:
    return LiveLog(task, allocation, 5, "info", text, b"{}")  # type: ignore[arg-type]


def kept(board: LiveBoard, *tasks: str) -> list[int]:
    return [len(board.lines_of(task, 1)[0]) for task in tasks]  # type: ignore[arg-type]


def test_g8_who_says_most_gives_of_it_when_all_say_too_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_module, "BYTES_KEPT", 100_000)
    board = LiveBoard()
    board.progress([LiveProgress("quiet", 1, 1.0, 2.0, "half")], 7)  # type: ignore[arg-type]
    board.logs([line("quiet", "x" * 1_000)])
    board.logs([line("loud", f"{n:01000d}") for n in range(300)])
    assert board._size <= 100_000
    quiet, loud = kept(board, "quiet", "loud")
    assert (quiet, 20 < loud < 100) == (1, True)
    lines, dropped = board.lines_of("loud", 1)  # type: ignore[arg-type]
    assert (int(lines[-1].event), dropped) == (299, 300 - loud)
    assert board.progress_of("quiet", 1).message == "half"  # type: ignore[arg-type, union-attr]


def test_g8_of_many_long_texts_the_numbers_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "BYTES_KEPT", 100_000)
    board = LiveBoard()
    for n in range(1_000):
        board.progress([LiveProgress(f"t{n}", 1, n, None, "x" * 1_000)], 7)  # type: ignore[arg-type]
    assert board._size <= 100_000
    assert [board.progress_of(f"t{n}", 1).done for n in (0, 999)] == [0, 999]  # type: ignore[arg-type, union-attr]


def test_g8_what_was_forgotten_takes_no_room() -> None:
    board = LiveBoard()
    board.logs([line("t", "x" * 100) for _ in range(600)])
    board.progress([LiveProgress("t", 1, 1.0, None, "text")], 7)  # type: ignore[arg-type]
    board.logs([line("t", "of the next run", 2)])
    assert board._size < 400
    board.forget("t")  # type: ignore[arg-type]
    assert board._size == 0


def test_g8_a_loss_that_is_too_large_with_its_last_words_goes_without_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(1)
    node, other = FakeNode(world, "n1").register(), FakeNode(world, "n2")
    world.create("t1")
    node.beat()
    said = tuple(line("t1", "x" * 1_000, node.wanted["t1"].allocation_id) for _ in range(50))
    node.say(i.NodeSaid(node.session, NodeSaying(logs=said)))
    other.register()
    monkeypatch.setattr(proposals, "ENTRY_BYTES_MAX", 10_000)
    live(world, 12_000, other)
    assert world.leader().replica.state.nodes["n1"].status is NodeStatus.LOST  # type: ignore[index]
    task = world.task("t1")
    assert (task.status, task.assignment.node) == (Status.ASSIGNED, "n2")
