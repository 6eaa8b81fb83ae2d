"""Flags, environment, file, defaults, in that order (EX-65)."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.settings import SettingsError, read_settings

NEEDED = ["--name", "n1", "--data-dir", "d"]


def test_defaults() -> None:
    settings, warnings = read_settings(NEEDED, {})
    assert settings.coordinators == ("127.0.0.1:7101", "127.0.0.1:7102", "127.0.0.1:7103")
    assert (settings.capacity, settings.spare_workers, settings.max_starting) == (10, 1, 50)
    assert (settings.shutdown_grace, settings.orphan_limit) == (30_000, 600_000)
    assert (settings.executors, settings.attr, settings.log_file) == ((), {}, None)
    assert warnings == ()


def test_the_order_of_sources(tmp_path: Path) -> None:
    config = tmp_path / "n.toml"
    config.write_text(
        'name = "file"\ndata_dir = "file"\ncapacity = 3\nexecutors = ["a", "b:C"]\n'
        '[attr]\nzone = "a"\nrack = "7"\n'
    )
    environment = {"PTASKS_CONFIG": str(config), "PTASKS_NAME": "env", "PTASKS_DATA_DIR": "env"}
    settings, _ = read_settings(["--name", "flag"], environment)
    assert (settings.name, settings.data_dir, settings.capacity) == ("flag", Path("env"), 3)
    assert settings.executors == ("a", "b:C")
    assert settings.attr == {"zone": "a", "rack": "7"}


def test_repeated_flags_add_up() -> None:
    settings, _ = read_settings(
        [*NEEDED, "--attr", "a=1", "--attr", "b=2,c=3", "--executors", "x", "--executors", "y"], {}
    )
    assert settings.attr == {"a": "1", "b": "2", "c": "3"}
    assert settings.executors == ("x", "y")


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(["--name", "a b", "--capacity", "many"], {"PTASKS_ATTR": "x"})
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "--name",
        "--data-dir",
        "PTASKS_ATTR",
        "--capacity",
    ]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "[::1]"])
def test_loopback_addresses(host: str) -> None:
    settings, _ = read_settings([*NEEDED, "--coordinators", f"{host}:7101"], {})
    assert settings.coordinators == (f"{host}:7101",)


@pytest.mark.parametrize("text", ["0.0.0.0:1", "example.org:1", "127.0.0.1", "127.0.0.1:0", ":1"])
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="--coordinators"):
        read_settings([*NEEDED, "--coordinators", text], {})


def test_an_unknown_variable_is_a_warning_unless_the_other_process_knows_it() -> None:
    _, warnings = read_settings(NEEDED, {"PTASKS_NAEM": "x", "PTASKS_PEERS": "y", "HOME": "z"})
    assert warnings == ("PTASKS_NAEM is no setting of task-node",)
