"""Where a node's control group would be, told from files as the kernel shows them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from node.control_group import ControlGroup, Enclosure, own_directory


class Kernel:
    """A hierarchy with this process in one of its groups, and what /proc/self says about it."""

    def __init__(self, root: Path) -> None:
        self.proc, self.mount = root / "proc", root / "unified"
        self.proc.mkdir()
        self.mount.mkdir()

    def put_us_into(self, group: str, *, seen_as: str, mounted: str = "/") -> Path:
        directory = self.mount / group
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "cgroup.procs").write_text(f"1\n{os.getpid()}\n")
        (self.proc / "cgroup").write_text(f"4:memory:/x\n0::{seen_as}\n")
        (self.proc / "mountinfo").write_text(
            "25 1 8:1 / / rw - ext4 /dev/root rw\n"
            "30 25 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
            f"41 31 0:38 {mounted} {self.mount} rw,relatime shared:3 - cgroup2 cgroup2 rw\n"
        )
        return directory


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    return Kernel(tmp_path)


def test_our_place_is_found_below_the_mount(kernel: Kernel) -> None:
    ours = kernel.put_us_into("a.slice/b.service", seen_as="/a.slice/b.service")
    assert own_directory(kernel.proc) == ours


def test_a_part_of_the_hierarchy_may_be_mounted(kernel: Kernel) -> None:
    ours = kernel.put_us_into("b.service", seen_as="/a.slice/b.service", mounted="/a.slice")
    assert own_directory(kernel.proc) == ours
    kernel.put_us_into("b.service", seen_as="/a.slice/b.service", mounted="/other")
    assert own_directory(kernel.proc) is None


def test_a_place_where_we_are_not_seen_is_not_ours(kernel: Kernel) -> None:
    ours = kernel.put_us_into("b", seen_as="/b")
    (ours / "cgroup.procs").write_text("1\n")
    assert own_directory(kernel.proc) is None


def test_without_the_second_version_there_is_none(kernel: Kernel, tmp_path: Path) -> None:
    assert own_directory(kernel.proc) is None
    (kernel.proc / "cgroup").write_text("4:memory:/x\n")
    (kernel.proc / "mountinfo").write_text("30 25 0:26 / /m rw - cgroup cgroup rw,memory\n")
    assert own_directory(kernel.proc) is None
    enclosure = Enclosure("uid", tmp_path / "control_group", None)
    assert enclosure.path is None
    assert enclosure.clear(0.0)
    enclosure.write_down()
    enclosure.remove()


def test_the_root_and_an_older_kernel_have_nothing_to_kill_with(tmp_path: Path) -> None:
    assert ControlGroup.make("uid", tmp_path) is None
    assert not (tmp_path / "ptasks-uid").exists()


def test_a_file_system_that_is_no_hierarchy_gives_none(tmp_path: Path) -> None:
    (tmp_path / "cgroup.kill").write_text("")
    assert ControlGroup.make("uid", tmp_path) is None  # no cgroup.procs appeared by itself
    assert not (tmp_path / "ptasks-uid").exists()


def test_what_does_not_die_in_time_is_told(tmp_path: Path) -> None:
    (tmp_path / "cgroup.events").write_text("populated 1\nfrozen 0\n")
    assert not ControlGroup(tmp_path).kill(0.01)
    (tmp_path / "cgroup.events").write_text("populated 0\nfrozen 0\n")
    assert ControlGroup(tmp_path).kill(0.01)
    assert (tmp_path / "cgroup.kill").read_text() == "1"
    assert ControlGroup(tmp_path / "gone").kill(0.01)


def test_an_earlier_group_is_kept_in_mind_until_it_is_empty(tmp_path: Path) -> None:
    earlier, note = tmp_path / "ptasks-uid", tmp_path / "control_group"
    earlier.mkdir()
    (earlier / "cgroup.events").write_text("populated 1\n")
    note.write_text(f"{earlier}\n")
    enclosure = Enclosure("uid", note, None)
    assert not enclosure.clear(0.01)
    enclosure.write_down()
    assert note.read_text() == f"{earlier}\n"
    (earlier / "cgroup.events").write_text("populated 0\n")
    assert enclosure.clear(0.01)
    enclosure.write_down()
    assert note.read_text() == "\n"
