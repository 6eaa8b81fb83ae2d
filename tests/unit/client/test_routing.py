"""Where the next try goes, what a failed one means, when it is over."""

from __future__ import annotations

import pytest

from coordinator.client.routing import Directory, Tries, Verdict, judge


@pytest.mark.parametrize(
    "code, reason, details, verdict",
    [
        (
            "UNAVAILABLE",
            "",
            "failed to connect to all addresses; Connection refused",
            Verdict.NOT_SENT,
        ),
        ("UNAVAILABLE", "", "DNS resolution failed for c9", Verdict.NOT_SENT),
        ("UNAVAILABLE", "", "Socket closed", Verdict.PERHAPS),
        ("UNAVAILABLE", "", "recvmsg:Connection reset by peer", Verdict.PERHAPS),
        ("UNAVAILABLE", "unavailable", "no leader", Verdict.NOT_NOW),
        ("UNAVAILABLE", "not_leader", "", Verdict.NOT_NOW),
        ("UNKNOWN", "outcome_unknown", "", Verdict.PERHAPS),
        ("UNKNOWN", "", "boom", Verdict.FINAL),
        ("CANCELLED", "", "", Verdict.PERHAPS),
        ("DEADLINE_EXCEEDED", "", "Deadline Exceeded", Verdict.PERHAPS),
        ("DEADLINE_EXCEEDED", "timed_out", "", Verdict.PERHAPS),
        ("NOT_FOUND", "task_not_found", "", Verdict.FINAL),
        ("RESOURCE_EXHAUSTED", "overloaded", "", Verdict.OVERLOADED),
        ("RESOURCE_EXHAUSTED", "disk_full", "", Verdict.NO_SPACE),
        ("INTERNAL", "", "", Verdict.FINAL),
    ],
)
def test_what_a_failed_try_says(code: str, reason: str, details: str, verdict: Verdict) -> None:
    assert judge(code, reason, details) is verdict


def test_the_first_address_is_asked_first_and_then_the_leader() -> None:
    directory = Directory(["c1", "c2", "c3"])
    assert directory.pick() == "c1"
    directory.answered("c3")
    assert directory.pick() == "c3"
    directory.failed("c3")
    assert directory.pick() == "c1"


def test_failures_go_round() -> None:
    directory = Directory(["c1", "c2"])
    asked = []
    for _ in range(4):
        asked.append(directory.pick())
        directory.failed(asked[-1])
    assert asked == ["c1", "c2", "c1", "c2"]


def test_a_leader_that_was_not_among_the_addresses_is_learnt() -> None:
    directory = Directory(["c1"])
    directory.answered("c9")
    assert directory.members == ("c1", "c9")
    directory.failed("c9")
    assert directory.pick() == "c1"


def test_not_leader_points_the_way() -> None:
    directory = Directory(["c1", "c2", "c3"])
    directory.failed("c1", leader_address="c3")
    assert directory.pick() == "c3"


def test_many_calls_that_fail_at_once_skip_nobody() -> None:
    directory = Directory(["c1", "c2", "c3"])
    for _ in range(5):
        directory.failed("c1")
    assert directory.pick() == "c2"


def test_no_address_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one address"):
        Directory([])


def test_no_pause_before_everybody_was_asked_once() -> None:
    tries = Tries(members=3)
    pauses = []
    for _ in range(12):
        tries.failed(Verdict.NOT_NOW, silent=False)
        pauses.append(tries.pause_s(dice=1.0))
    assert pauses[:2] == [0.0, 0.0]
    assert pauses[2] == 0.05
    assert pauses == sorted(pauses)
    assert max(pauses) <= 1.0


def test_pauses_have_jitter_and_a_ceiling() -> None:
    tries = Tries(members=1)
    for _ in range(50):
        tries.failed(Verdict.NOT_NOW, silent=False)
    assert (tries.pause_s(dice=0.0), tries.pause_s(dice=1.0)) == (0.5, 1.0)


def test_patience_with_one_member_is_a_second_and_grows_with_silence() -> None:
    tries = Tries(members=3)
    assert tries.seconds_for_next(10.0) == 1.0
    assert tries.seconds_for_next(0.4) == 0.4
    tries.failed(Verdict.PERHAPS, silent=True)
    assert tries.seconds_for_next(10.0) == 2.0


def test_perhaps_is_never_forgotten() -> None:
    tries = Tries(members=2)
    tries.failed(Verdict.PERHAPS, silent=True)
    tries.failed(Verdict.NOT_NOW, silent=False)
    assert (tries.perhaps, tries.last) == (True, Verdict.NOT_NOW)


def test_a_try_too_short_to_be_answered_is_not_made() -> None:
    tries = Tries(members=1)
    assert tries.may_try_again(elapsed_s=9.0, remaining_s=1.0, pause_s=0.5)
    assert not tries.may_try_again(elapsed_s=0.1, remaining_s=0.35, pause_s=0.1)


def test_s12_a_full_disk_is_not_the_last_word_as_long_as_a_leader_may_be_handing_over() -> None:
    tries = Tries(members=1)
    tries.failed(Verdict.NO_SPACE, silent=False)
    assert tries.may_try_again(elapsed_s=2.9, remaining_s=50.0, pause_s=0.5)
    assert not tries.may_try_again(elapsed_s=3.0, remaining_s=50.0, pause_s=0.5)
    tries.failed(Verdict.NOT_NOW, silent=False)
    assert tries.may_try_again(elapsed_s=3.0, remaining_s=50.0, pause_s=0.5)


def test_members_that_an_answer_names_are_asked_when_those_that_were_given_are_gone() -> None:
    """All that a client was started with may have been replaced by now, one by one."""
    directory = Directory(["c1", "c2"])
    directory.know(["c1", "c2", "c3"])
    directory.know(["c4", "c5", "c6"])
    assert directory.members == ("c1", "c2", "c4", "c5", "c6")
    asked = []
    for _ in range(5):
        asked.append(directory.pick())
        directory.failed(asked[-1])
    assert asked == ["c1", "c2", "c4", "c5", "c6"]


def test_whose_turn_it_is_outlasts_the_news() -> None:
    directory = Directory(["c1", "c2"])
    directory.failed("c1")
    directory.know(["c3", "c2"])
    assert directory.pick() == "c2"
    directory.know([])
    directory.failed("c2")
    assert directory.pick() == "c3"
    directory.know(["c4"])
    assert directory.pick() == "c1"
