"""The comparison of what is wanted with what is here: PT-53, PT-55, PT-57."""

from __future__ import annotations

from itertools import product

import pytest

from coordinator.client.node_values import Wanted as WantedFrame
from coordinator.client.node_values import Welcome
from node.core_table import RECONCILE, STOP_REASONS, Act, Local, Wanted, is_stronger
from node.effects import Reconnect
from node.frames import Start
from tests.unit.node.core_kit import CoreKit, wanted


@pytest.fixture
def kit() -> CoreKit:
    made = CoreKit()
    made.open_session()
    made.clear()
    return made


def test_the_table_is_total() -> None:
    assert set(RECONCILE) == set(product(Wanted, Local))


def test_a_run_is_started_only_where_nothing_of_it_is() -> None:
    started = {cell for cell, act in RECONCILE.items() if act is Act.START}
    assert started == {(Wanted.RUN, Local.ABSENT)}


def test_leaders_reasons_have_the_order_of_pt_15() -> None:
    assert STOP_REASONS[-5:] == ("move", "replace", "pause", "timeout", "cancel")
    assert is_stronger("cancel", "timeout")
    assert not is_stronger("move", "pause")
    assert not is_stronger("cancel", "cancel")


def test_a_wanted_run_is_started_once(kit: CoreKit) -> None:
    kit.want(wanted("t", 1))
    kit.want(wanted("t", 1))
    assert kit.starts == [1]


def test_pt_53_a_full_set_that_comes_in_parts_is_one_set() -> None:
    kit = CoreKit()
    kit.open_session(wanted("kept", 1), wanted("gone", 2))
    kit.started(1)
    kit.started(2)
    kit.close_session()
    kit.clear()
    kit.term += 1
    kit.beat()
    kit.hear(welcome=Welcome("c", "c1", 100, 6_000, 12_000))
    kit.hear(wanted=WantedFrame(True, 9, runs=(wanted("new", 3),), more=True))
    assert not kit.starts
    assert not kit.stops
    kit.hear(wanted=WantedFrame(True, 9, runs=(wanted("kept", 1),)))
    assert kit.starts == [3]
    assert kit.stops == [(2, "not_wanted")]


def test_nothing_is_done_before_the_full_set_is_here() -> None:
    kit = CoreKit()
    kit.open_session(wanted("t", 1))
    kit.started(1)
    kit.close_session()
    kit.clear()
    kit.term += 1
    kit.beat()
    kit.hear(heartbeat=None)
    assert kit.stops == []


def test_tm_a57_a_gap_leads_to_the_full_set(kit: CoreKit) -> None:
    kit.revision += 1
    kit.want(wanted("t", 1))
    assert kit.all(Reconnect)
    assert kit.starts == []


def test_older_terms_do_not_count(kit: CoreKit) -> None:
    kit.hear(term=1, wanted=WantedFrame(True, 9, runs=(wanted("t", 1),)))
    assert kit.starts == []


def test_what_the_full_set_does_not_name_is_stopped(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.close_session()
    kit.open_session()
    assert kit.stops == [(1, "not_wanted")]
    kit.ended(1, "aborted", "not_wanted")
    assert kit.ends == [(1, "aborted", "not_wanted")]


def test_run_b_is_held_back_until_the_code_of_a_has_ended(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.want(wanted("t", 2))
    assert (kit.stops, kit.starts) == ([(1, "not_wanted")], [])
    kit.after(150)
    assert kit.starts == []
    kit.ended(1, "aborted")
    assert kit.starts == [2]


def test_tm_a32_a_late_stop_of_an_earlier_run_leaves_the_later_one_alone(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    late = WantedFrame(False, kit.revision + 1, kit.revision, (wanted("t", 1, stop=True),))
    kit.ended(1)
    kit.answer_all()
    kit.running(wanted("t", 2))
    kit.hear(wanted=late)
    kit.after(500)
    assert kit.stops == []
    kit.want(wanted("t", 2, stop=True, stop_reason="cancel"))
    assert kit.stops == [(2, "cancel")]


def test_an_ended_run_is_not_started_again(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.ended(1)
    kit.want(wanted("t", 1))
    kit.answer_all()
    kit.want(wanted("t", 1, attempt=2))
    assert kit.starts == []
    kit.want(gone=["t"])
    assert 1 not in kit.core.runs.by_id


def test_a_settled_run_that_is_no_longer_named_is_forgotten(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.ended(1)
    kit.want(gone=["t"])
    assert 1 in kit.core.runs.by_id
    kit.answer_all()
    assert 1 not in kit.core.runs.by_id
    assert kit.core.runs.digest == 0


@pytest.mark.parametrize(
    "reason, outcome", [("cancel", "cancelled"), ("move", "aborted"), ("pause", "aborted")]
)
def test_a_stop_of_a_run_never_seen_is_confirmed(kit: CoreKit, reason: str, outcome: str) -> None:
    kit.want(wanted("t", 1, stop=True, stop_reason=reason))
    kit.want(wanted("t", 1, stop=True, stop_reason=reason))
    assert kit.ends == [(1, outcome, "not_running")]


def test_a_stop_reaches_the_worker_and_a_stronger_reason_follows(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.want(wanted("t", 1, stop=True, stop_reason="move"))
    kit.want(wanted("t", 1, stop=True, stop_reason="cancel"))
    kit.want(wanted("t", 1, stop=True, stop_reason="pause"))
    assert kit.stops == [(1, "move"), (1, "cancel")]
    kit.ended(1, "aborted")
    assert kit.ends == [(1, "cancelled", "cancel")]


def test_a_waiting_run_that_is_to_stop_is_confirmed(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.want(wanted("t", 2))
    kit.want(wanted("t", 2, stop=True, stop_reason="cancel"))
    kit.ended(1, "aborted")
    assert kit.starts == []
    assert (2, "cancelled", "not_running") in kit.ends


def test_the_newest_entry_of_a_waiting_run_is_what_starts(kit: CoreKit) -> None:
    kit.running(wanted("t", 1))
    kit.want(wanted("t", 2))
    kit.want(wanted("t", 2, params=b'{"new": 1}'))
    kit.ended(1, "aborted")
    assert kit.told(Start)[-1].params == b'{"new": 1}'
