"""Every "no" has a status code, a stable reason and its details (EX-51)."""

from __future__ import annotations

import pytest
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from coordinator.api import errors
from coordinator.api.errors import Code, from_failure, from_refusal, status_bytes
from coordinator.machine.outcome import Refusal, Refused
from coordinator.replica.proposals import Lost

FAILURES = {
    "not_leader": (Code.UNAVAILABLE, "unavailable"),
    "no_leader": (Code.UNAVAILABLE, "unavailable"),
    "shutting_down": (Code.UNAVAILABLE, "unavailable"),
    "overloaded": (Code.RESOURCE_EXHAUSTED, "overloaded"),
    "disk_full": (Code.RESOURCE_EXHAUSTED, "disk_full"),
    "outcome_unknown": (Code.UNKNOWN, "outcome_unknown"),
    "timed_out": (Code.DEADLINE_EXCEEDED, "timed_out"),
}


@pytest.mark.parametrize("refusal", Refusal)
def test_ex_51_every_refusal_has_a_code(refusal: Refusal) -> None:
    rejected = from_refusal(Refused(refusal, "detail", 7))
    assert rejected.reason == refusal.value
    assert rejected.code not in (Code.OK, Code.UNKNOWN, Code.INTERNAL, Code.UNAVAILABLE)
    assert "detail" in rejected.message


@pytest.mark.parametrize("lost", Lost)
def test_every_way_to_lose_an_answer_has_a_code(lost: Lost) -> None:
    assert from_failure(lost.value).reason != "unexpected"


@pytest.mark.parametrize("kind", FAILURES)
def test_ex_51_failures_of_the_road(kind: str) -> None:
    rejected = from_failure(kind, "more")
    assert (rejected.code, rejected.reason) == FAILURES[kind]
    assert ("cause" in rejected.metadata) == (rejected.reason == "unavailable")
    assert "more" in rejected.message


def test_an_unknown_failure_is_ours() -> None:
    assert from_failure("what").code is Code.INTERNAL


def test_pt_22_the_known_executors_are_told_apart() -> None:
    detail = "no node ever offered a.b; known: a.c, d.e"
    rejected = from_refusal(Refused(Refusal.UNKNOWN_EXECUTOR, detail))
    assert rejected.metadata["known"] == "a.c, d.e"


def test_pt_3_a_stale_allocation_carries_the_current_one() -> None:
    rejected = from_refusal(Refused(Refusal.STALE_ALLOCATION, "", 12))
    assert rejected.metadata == {"current_allocation_id": "12"}


def test_pt_21_what_differs_is_named() -> None:
    rejected = from_refusal(Refused(Refusal.ALREADY_EXISTS, "params, priority"))
    assert rejected.metadata["fields"] == "params, priority"


def test_ex_51_the_details_travel_packed() -> None:
    status = Status.FromString(status_bytes(errors.invalid("priority", "must be 1 .. 100")))
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.domain, info.reason) == ("ptasks", "invalid_field")
    assert len(status.details) == 2


def test_ex_51_overload_says_when_to_come_again() -> None:
    status = Status.FromString(status_bytes(from_failure("overloaded")))
    retry = RetryInfo()
    assert status.details[1].Unpack(retry)
    assert retry.retry_delay.ToMilliseconds() == errors.RETRY_AFTER_MS
