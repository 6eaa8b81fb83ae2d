"""What contradicts a promise: histories that must be convicted, and their innocent neighbours."""

from __future__ import annotations

import pytest

from scripts.chaos_rounds.ledger import (
    Kind,
    Ledger,
    Operation,
    Outcome,
    Record,
    RunFact,
    as_of,
    changed_outcomes,
    contradictions,
    shared_allocations,
)

UNKNOWN, NOT_DONE, REFUSED = Outcome.UNKNOWN, Outcome.NOT_DONE, Outcome.REFUSED
CREATED = Record("assigned", 7, 40, 40)
ENDED = Record("succeeded", 8, 40, 45, last_outcome=(7, "succeeded"))
RAN = (RunFact(7, "succeeded"),)


class Told:
    """Operations on one task, each begun after the last one ended."""

    def __init__(self) -> None:
        self.ledger = Ledger()

    def done(self, kind: Kind, revision: int = 40, record: Record | None = CREATED) -> Told:
        self.ledger.done(self.ledger.begin(kind, "t", f"r{revision}"), revision, record)
        return self

    def failed(self, kind: Kind, outcome: Outcome) -> Told:
        self.ledger.failed(self.ledger.begin(kind, "t", "lost"), outcome, "")
        return self

    @property
    def operations(self) -> list[Operation]:
        return self.ledger.operations["t"]

    def convicts(self, found: Record | None, runs: tuple[RunFact, ...] = ()) -> str:
        return "; ".join(contradictions(self.operations, found, runs))


def created() -> Told:
    return Told().done(Kind.CREATE)


def test_the_innocent() -> None:
    cancelled = Record("cancelled", 8, 40, 45, last_outcome=(7, "cancelled"))
    stopping = Record("stopping", 7, 40, 43)
    assert created().convicts(ENDED, RAN) == ""
    assert created().convicts(CREATED, (RunFact(7, None),)) == ""
    assert (
        created().done(Kind.CANCEL, 43, stopping).convicts(cancelled, (RunFact(7, "cancelled"),))
        == ""
    )
    assert created().done(Kind.REMOVE, 50, None).convicts(None) == ""
    assert created().failed(Kind.REMOVE, UNKNOWN).convicts(None) == ""
    assert created().failed(Kind.REMOVE, UNKNOWN).convicts(ENDED, RAN) == ""
    for outcome in (UNKNOWN, NOT_DONE, REFUSED):
        assert Told().failed(Kind.CREATE, outcome).convicts(None) == ""
    assert Told().failed(Kind.CREATE, UNKNOWN).convicts(ENDED, RAN) == ""


def test_g1_what_was_acknowledged_is_gone() -> None:
    assert "G1" in created().convicts(None)
    assert "G1" in created().failed(Kind.REMOVE, REFUSED).convicts(None)
    assert "G1" in created().done(Kind.CANCEL, 43).convicts(None)


def test_g1_a_removed_one_is_back() -> None:
    assert "G1" in created().done(Kind.REMOVE, 50, None).convicts(ENDED, RAN)


@pytest.mark.parametrize("outcome", [NOT_DONE, REFUSED])
def test_g14_what_was_certainly_not_done_was_done(outcome: Outcome) -> None:
    assert "G14" in Told().failed(Kind.CREATE, outcome).convicts(ENDED, RAN)
    both = Told().failed(Kind.CREATE, outcome).failed(Kind.CREATE, UNKNOWN)
    assert both.convicts(ENDED, RAN) == ""


def test_g4_an_allocation_id_fell() -> None:
    earlier = Record("assigned", 6, 40, 40)
    assert "G4" in created().convicts(earlier)
    assert "G4" in created().convicts(CREATED, (RunFact(9, None),))


def test_g3_the_same_request_made_another_record() -> None:
    again = Record("assigned", 12, 60, 60)
    assert "G3" in created().convicts(again)


def test_g10_a_cancel_was_not_final() -> None:
    stopping, cancelled = Record("stopping", 7, 40, 43), Record("cancelled", 12, 40, 60)
    told = created().done(Kind.CANCEL, 43, stopping)
    assert "G10" in told.convicts(ENDED, RAN)
    assert "G10" in told.convicts(cancelled, (RunFact(7, "lost"), RunFact(9, "cancelled")))
    ended = created().done(Kind.CANCEL, 50, ENDED)
    assert "G10" in ended.convicts(cancelled, RAN)


def test_n3_more_than_one_outcome() -> None:
    assert "N3" in created().convicts(ENDED, (RunFact(7, "succeeded"), RunFact(7, "lost")))
    twice = (RunFact(7, "succeeded"), RunFact(8, "succeeded"))
    assert "N3" in created().convicts(ENDED, twice)
    assert "N3" in created().convicts(Record("running", 8, 40, 45), RAN)
    assert "N3" in created().convicts(ENDED, (RunFact(7, "failed"),))


def test_n3_an_outcome_changed_or_went() -> None:
    assert changed_outcomes({7: "lost"}, (RunFact(7, "lost"), RunFact(8, None))) == []
    assert "was lost and is succeeded" in changed_outcomes({7: "lost"}, RAN)[0]
    assert "was lost and is gone" in changed_outcomes({7: "lost"}, ())[0]
    assert "was lost and is None" in changed_outcomes({7: "lost"}, (RunFact(7, None),))[0]


def test_g4_two_tasks_share_an_allocation_id() -> None:
    assert shared_allocations({"a": RAN, "b": (RunFact(8, None),)}) == []
    assert shared_allocations({"a": RAN, "b": RAN}) == ["G4: #7 belongs to a and to b"]


def test_an_unknown_outcome_is_settled_by_a_repeat_under_its_request_id() -> None:
    told = created().failed(Kind.CANCEL, UNKNOWN)
    assert [op.request_id for op in told.ledger.unsettled()] == ["lost"]
    other = told.ledger.begin(Kind.CANCEL, "t", "another")
    told.ledger.done(other, 50, ENDED)
    assert told.ledger.unsettled() != []
    again = told.ledger.begin(Kind.CANCEL, "t", "lost")
    told.ledger.done(again, 51, ENDED)
    assert told.ledger.unsettled() == []
    told.ledger.touched.clear()
    told.failed(Kind.CANCEL, UNKNOWN)
    assert (told.ledger.acknowledged, told.ledger.unknown, told.ledger.revision) == (3, 2, 51)


def test_s44_a_copy_holds_what_was_promised_before_it_was_taken() -> None:
    told = Told().done(Kind.CREATE)
    begun = told.ledger.now
    assert contradictions(as_of(told.operations, begun, begun), None)
    assert not contradictions(as_of(told.operations, begun, begun), CREATED)


def test_s44_a_copy_holds_nothing_that_was_asked_for_later() -> None:
    told = Told()
    ended = told.ledger.now
    told.done(Kind.CREATE)
    assert contradictions(as_of(told.operations, ended, ended), CREATED)
    assert not contradictions(as_of(told.operations, ended, ended), None)


def test_s44_what_was_under_way_meanwhile_may_be_in_a_copy_or_not() -> None:
    told = Told().done(Kind.CREATE)
    first = told.operations[0]
    for begun, ended in ((first.began, first.ended), (first.began, first.began), (0, first.ended)):
        for found in (None, CREATED):
            assert not contradictions(as_of(told.operations, begun, ended), found)
    unanswered = Told()
    unanswered.ledger.begin(Kind.CREATE, "t", "r")
    assert [op.outcome for op in as_of(unanswered.operations, 9, 9)] == [UNKNOWN]
