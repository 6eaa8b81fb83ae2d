"""The operator's file of allowed commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from node.commands import VARIABLE, attributes, commands_file, environment, names
from node.settings import SettingsError, read_settings

GOOD = """
[backup]
argv = ["/usr/local/bin/backup", "--verbose"]
arguments = "[a-z]+"

[rotate]
argv = ["/usr/sbin/logrotate"]
directory = "/var/log"
environment = { LANG = "C" }
"""


def test_what_a_file_says(tmp_path: Path) -> None:
    file = tmp_path / "commands.toml"
    file.write_text(GOOD)
    found = commands_file(str(file))
    assert found["backup"] == {
        "argv": ["/usr/local/bin/backup", "--verbose"],
        "arguments": "[a-z]+",
        "arguments_max": 20,
        "directory": "/",
        "environment": {},
    }
    assert found["rotate"]["arguments"] is None
    assert names(found) == "backup,rotate"
    assert attributes(found) == {"command.backup": "allowed", "command.rotate": "allowed"}
    assert json.loads(environment(found)[VARIABLE]) == found


def test_without_a_file_nothing_is_allowed() -> None:
    assert commands_file("") == {}
    assert environment({}) == {VARIABLE: "{}"}


@pytest.mark.parametrize(
    "text,told",
    [
        ("[a", "not TOML"),
        ("a = 1", "a: not a table"),
        ("[A]\nargv = ['/bin/true']", r"\[A\]: a name is of"),
        ("[a]", r"\[a\] argv: missing"),
        ("[a]\nargv = []", r"\[a\] argv: a list of texts, the first an absolute path"),
        ("[a]\nargv = ['true']", r"\[a\] argv: a list of texts, the first an absolute path"),
        ("[a]\nargv = ['/bin/true']\nshell = true", r"\[a\] shell: unknown; known are argv, arg"),
        ("[a]\nargv = ['/bin/true']\narguments = '['", r"\[a\] arguments: a regular expression"),
        ("[a]\nargv = ['/bin/true']\narguments_max = true", r"\[a\] arguments_max: a whole number"),
        ("[a]\nargv = ['/bin/true']\ndirectory = 'x'", r"\[a\] directory: an absolute path"),
        ("[a]\nargv = ['/bin/true']\nenvironment = {A = 1}", r"\[a\] environment: a table of text"),
    ],
)
def test_a_mistake_names_file_command_and_key(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "commands.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=f"commands.toml: {told}"):
        commands_file(str(file))


def test_a_node_does_not_start_on_a_bad_file(tmp_path: Path) -> None:
    flags = ["--name", "n1", "--data-dir", str(tmp_path / "n1")]
    missing = tmp_path / "none.toml"
    with pytest.raises(SettingsError, match=r"--commands: .*none.toml: No such file"):
        read_settings([*flags, "--commands", str(missing)], {})
    file = tmp_path / "commands.toml"
    file.write_text(GOOD)
    settings, _ = read_settings(flags, {"PTASKS_COMMANDS": str(file)})
    assert sorted(settings.commands) == ["backup", "rotate"]
