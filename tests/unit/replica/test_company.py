"""Entries wait for those who are likely to come, and for nobody else."""

from __future__ import annotations

from coordinator.replica.company import ASK_FOR_MORE_AFTER, CROWD, WAIT_MAX_MS, Company


def test_a_lone_caller_never_waits() -> None:
    company = Company()
    for steady in range(0, 1_000, 2):
        assert company.wait(1, steady) == 0
        company.went(1, steady)


def test_a_few_never_wait() -> None:
    company = Company()
    company.went(CROWD - 1, 100)
    assert company.wait(1, 100) == 0


def test_a_crowd_is_waited_for_until_as_many_are_back() -> None:
    company = Company()
    company.went(20, 100)
    assert company.wait(3, 104) == WAIT_MAX_MS - 4
    assert company.missing(3) == 17
    assert company.wait(20, 105) == 0
    assert company.missing(25) == 0


def test_nobody_waits_longer_than_a_moment_and_only_once_in_vain() -> None:
    company = Company()
    company.went(20, 100)
    assert company.wait(5, 100 + WAIT_MAX_MS) == 0
    company.went(5, 130)
    assert company.wait(5, 131) == 0
    company.went(1, 140)
    assert company.wait(1, 140) == 0


def test_a_grown_crowd_is_found_out_and_its_size_kept() -> None:
    company, steady = Company(), 0
    sizes = []
    for _ in range(10 * ASK_FOR_MORE_AFTER):  # 30 callers, of whom 6 are back within a round
        count = 6
        while company.wait(count, steady) and count < 30:
            steady += 1
            count += 3
        sizes.append(count)
        company.went(count, steady)
        steady += 2
    assert sizes[0] == 6
    assert max(sizes) == 30


def test_a_steady_crowd_waits_in_vain_only_now_and_then() -> None:
    company, steady, waited = Company(), 0, 0
    for _ in range(32 * ASK_FOR_MORE_AFTER):  # 8 callers, all back within 5 ms: there are no more
        steady += 5
        wait = company.wait(8, steady)
        waited += wait > 0
        steady += wait
        company.went(8, steady)
    assert 1 <= waited <= 6
