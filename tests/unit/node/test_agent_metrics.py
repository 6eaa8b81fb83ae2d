"""What a node shows on /metrics: its lease, its outbox, its runs, and what became of workers (EX-73, last row)."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.client.metric_parts import Sheet
from coordinator.client.node_values import RunEnd
from node import agent_metrics as module
from node import frames
from node.agent_live import LiveNews
from node.agent_metrics import FAMILIES, AgentMetrics
from node.agent_worker_news import WorkerNews
from node.core import NodeCore
from node.effects import KillWorker
from node.inputs import WorkerDied, WorkerReady
from node.outbox import MADE_SLACK, Outbox
from tests.unit.node.core_kit import EXECUTORS, CoreKit, L, wanted


class Agent:
    """What a scrape looks at."""

    def __init__(self, kit: CoreKit) -> None:
        self._kit = kit
        self.stalls: dict[str, int] = {}

    @property
    def core(self) -> NodeCore:
        return self._kit.core


@pytest.fixture
def kit(monkeypatch: pytest.MonkeyPatch) -> CoreKit:
    made = CoreKit(spare_workers=0)
    monkeypatch.setattr(module, "steady_ms", lambda: made.now)
    return made


def shown(kit: CoreKit, agent: Agent | None = None) -> dict[str, dict[tuple[str, ...], Any]]:
    sheet = Sheet(FAMILIES)
    AgentMetrics(agent or Agent(kit))._put(sheet)
    return sheet.values


def test_lease_outbox_and_runs(kit: CoreKit) -> None:
    found = shown(kit)
    assert found["node_lease_remaining_seconds"] == {(): 0}  # never accepted
    kit.open_session()
    kit.after(L // 4)
    kit.want(wanted("a", 1), wanted("b", 2), wanted("c", 3, executor="f"))
    kit.started(1)
    kit.after(L // 4)
    kit.started(2)
    found = shown(kit)
    assert found["node_lease_remaining_seconds"] == {(): 0.5}
    assert found["node_runs"] == {("e",): 2, ("f",): 1}
    assert found["outbox_entries"] == {(): 2}
    assert found["outbox_oldest_seconds"] == {(): 0.25}
    kit.answer_all()
    found = shown(kit)
    assert found["outbox_entries"] == {(): 0}
    assert found["outbox_oldest_seconds"] == {(): 0}


def test_the_end_of_a_lease_asks_and_then_kills(kit: CoreKit) -> None:
    kit.open_session()
    kit.running(wanted("a", 1), wanted("b", 2), wanted("c", 3, exclusive=False))
    kit.after(L * 5 // 10)
    assert shown(kit)["lease_stops_total"] == {("cancel",): 0, ("kill",): 0}
    kit.after(L * 2 // 10)
    assert shown(kit)["lease_stops_total"] == {("cancel",): 2, ("kill",): 0}
    kit.ended(1, "aborted")
    kit.after(L * 25 // 100)
    assert shown(kit)["lease_stops_total"] == {("cancel",): 2, ("kill",): 1}


def test_workers_by_how_they_ended(kit: CoreKit) -> None:
    kit.open_session()
    kit.running(wanted("a", 1))
    kit.worker_died(kit.worker_of(1))
    assert shown(kit)["worker_restarts_total"] == {
        ("died",): 1,
        ("killed",): 0,
        ("start_failed",): 0,
    }
    kit.want(wanted("b", 2))
    young = kit.worker_of(2)
    kit.give(WorkerDied(young, "exit code 1"))
    kit.want(wanted("c", 3, cancel_grace_ms=10))
    kit.give(WorkerReady(kit.worker_of(3), EXECUTORS))
    kit.started(3)
    kit.want(gone=("c",))
    kit.after(50)
    (killed,) = kit.all(KillWorker)
    kit.give(WorkerDied(killed.worker, "signal 9"))
    assert shown(kit)["worker_restarts_total"] == {
        ("died",): 1,
        ("killed",): 1,
        ("start_failed",): 1,
    }


def test_a_worker_that_was_let_go_is_no_restart(kit: CoreKit) -> None:
    kit.open_session()
    kit.want(wanted("a", 1, isolation="process"))
    worker = kit.worker_of(1)
    kit.started(1)
    kit.ended(1)
    kit.give(WorkerDied(worker, "exit code 0"))
    assert set(shown(kit)["worker_restarts_total"].values()) == {0}


def test_stalls_are_counted_once_each_by_whose_code_it_is(kit: CoreKit) -> None:
    kit.open_session()
    kit.running(wanted("a", 1, executor="f"))
    log: Any = type("Log", (), {"write": lambda *_, **__: None})()
    news = WorkerNews(kit.core.runs, LiveNews(), log, lambda _: None, lambda *_: None)
    for message in (
        frames.LoopLag(250, 1, ("e", "f")),
        frames.LoopLag(5_000, 1, ("e", "f")),
        frames.LoopLag(6_000, 1, ("e", "f"), over=True),
        frames.LoopLag(5_100, None, ("e", "f")),  # the watch itself was held up
        frames.LoopLag(5_200, None, ("e", "f"), over=True),
        frames.LoopLag(250, None, ("e",)),
    ):
        news.said(1, [message])
    news.said(2, [frames.LoopLag(250, None, ("e",))])
    agent = Agent(kit)
    agent.stalls = news.stalls
    found = shown(kit, agent)["worker_stalls_total"]
    assert found == {("f",): 1, ("unknown",): 1, ("e",): 2}


def test_the_oldest_report_is_known_whatever_was_answered_and_nothing_piles_up() -> None:
    now = 0
    box = Outbox(lambda: now)
    assert box.oldest_at is None
    for now in range(1, 4):
        box.add_start(f"t{now}", now, now)
    box.answered(2)
    assert box.oldest_at == 1
    box.answered(1)
    assert box.oldest_at == 3
    for now in range(4, 4 * MADE_SLACK):
        box.add_end(f"t{now}", now, RunEnd("succeeded"), now)
        box.answered(now)
    assert len(box._made) <= MADE_SLACK + 3
    assert box.oldest_at == 3
