"""What runs wrote of themselves: files that must be convicted, and one that must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.chaos_rounds.ledger import Record, RunFact
from scripts.chaos_rounds.lines import Lines, contradicted

SOUND = ["t 4 1000 77 begin", "t 4 2000 77 saved 1", "u 5 2000 77 tick", "t 6 3000 78 saved 2"]


@pytest.fixture
def lines(tmp_path: Path) -> Lines:
    made = Lines(tmp_path / "lines")
    made.tolerant = {"w"}
    return made


def write(lines: Lines, *said: str) -> list[str]:
    """Stamps in ms."""
    with lines.path.open("a") as file:
        for line in said:
            words = line.split()
            words[2] += "000000"
            file.write(" ".join(words) + "\n")
    return lines.read()


def test_runs_one_after_the_other_are_in_order(lines: Lines) -> None:
    assert lines.read() == []
    assert write(lines, *SOUND) == []
    assert write(lines, "t 6 4000 78 end") == []
    last = lines.last("t")
    assert last is not None
    assert (last.interval.token, last.saved, last.has_ended, last.pid) == (6, 2, True, 78)
    assert last.interval.begin == 3_000_000
    assert last.interval.end == 4_000_000
    assert sorted(lines.of("t")) == [4, 6]
    assert lines.of("nobody") == {}
    assert (lines.count, lines.overlaps) == (5, 0)


def test_a_line_that_is_not_whole_waits_for_its_rest(lines: Lines) -> None:
    lines.path.write_text("t 4 1000000000 77 tick\nt 4 20000")
    assert lines.read() == []
    assert lines.count == 1
    with lines.path.open("a") as file:
        file.write("00000 77 tick\n")
    assert lines.read() == []
    assert lines.count == 2


def test_g6_two_runs_at_the_same_time(lines: Lines) -> None:
    wrong = write(lines, "t 4 1000 77 tick", "t 6 2000 78 tick", "t 4 3000 77 tick")
    assert any("G7: t#4 still writes" in one for one in wrong)
    assert any("G6" in one and "same time" in one for one in wrong)
    assert lines.overlaps == 1


def test_g6_stamps_cross_although_the_file_is_in_order(lines: Lines) -> None:
    wrong = write(lines, "t 4 1000 77 tick", "t 4 5000 77 tick", "t 6 4000 78 tick")
    assert any("G6" in one and "same time" in one for one in wrong)


def test_g7_a_later_run_has_the_smaller_token(lines: Lines) -> None:
    assert write(lines, "t 6 1000 77 tick") == []
    assert any("G7" in one for one in write(lines, "t 4 2000 78 tick"))


def test_one_token_in_two_processes(lines: Lines) -> None:
    assert write(lines, "w 4 1000 77 tick") == []
    assert "written by 77 and by 78" in write(lines, "w 4 2000 78 tick")[0]


def test_runs_that_tolerate_overlap_may(lines: Lines) -> None:
    assert write(lines, "w 4 1000 77 tick", "w 6 2000 78 tick", "w 4 3000 77 tick") == []
    assert lines.overlaps == 0


RECORD = Record("succeeded", 7, 40, 45, saved=2)
RUNS = (RunFact(4, "lost"), RunFact(6, "succeeded"))


def test_records_that_say_what_the_lines_say(lines: Lines) -> None:
    write(lines, *SOUND, "t 6 4000 78 end")
    assert contradicted(RECORD, RUNS, lines.of("t")) == []
    assert contradicted(Record("assigned", 4, 40, 40), (RunFact(4, None),), {}) == []


def test_g1_an_acknowledged_save_is_not_in_the_record(lines: Lines) -> None:
    write(lines, *SOUND, "t 6 4000 78 end")
    behind = Record("succeeded", 7, 40, 45, saved=1)
    assert "G1" in contradicted(behind, RUNS, lines.of("t"))[0]


def test_g5_a_run_that_nobody_ordered(lines: Lines) -> None:
    write(lines, *SOUND, "t 6 4000 78 end")
    assert "G5: runs [4]" in contradicted(RECORD, RUNS[1:], lines.of("t"))[0]


def test_n3_a_success_that_never_came_to_its_end(lines: Lines) -> None:
    write(lines, *SOUND)
    assert "N3: #6" in contradicted(RECORD, RUNS, lines.of("t"))[0]
    assert "N3: #6" in contradicted(RECORD, (*RUNS,), {4: lines.of("t")[4]})[-1]
