"""The lock holds all that the project asks for, by hash, and does not say where from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[3]
LOCK = (ROOT / "requirements.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PIN = re.compile(
    r"^([a-zA-Z0-9._-]+)==(\S+) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.M
)


def pins() -> dict[str, str]:
    return {str(canonicalize_name(name)): version for name, version, _ in PIN.findall(LOCK)}


def test_every_pin_has_a_hash() -> None:
    assert len(PIN.findall(LOCK)) == len(re.findall(r"^\S+==", LOCK, re.M)) > 30


def test_no_place_is_named() -> None:
    assert "://" not in LOCK
    assert not re.search(r"^--", LOCK, re.M)


def test_what_the_project_asks_for_is_pinned_and_fits() -> None:
    asked = [
        *PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"]["dev"],
        *PROJECT["build-system"]["requires"],
    ]
    locked = pins()
    for text in asked:
        requirement = Requirement(text)
        version = locked[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), text


def test_generated_code_runs_on_the_oldest_version_that_is_allowed() -> None:
    """The code checks at import that grpcio and protobuf are no older than its generator."""
    bounds = {
        requirement.name: next(iter(requirement.specifier)).version
        for requirement in map(Requirement, PROJECT["project"]["dependencies"])
    }
    wire = ROOT / "coordinator/wire/v1"
    grpc = re.search(r"GRPC_GENERATED_VERSION = '(.+)'", (wire / "tasks_pb2_grpc.py").read_text())
    protobuf = re.search(r"Protobuf Python Version: (\S+)", (wire / "tasks_pb2.py").read_text())
    assert grpc is not None
    assert protobuf is not None
    assert numbers(bounds["grpcio"]) >= numbers(grpc[1])
    assert numbers(bounds["protobuf"]) >= numbers(protobuf[1])


def numbers(version: str) -> tuple[int, ...]:
    parts = [int(part) for part in version.split(".")]
    return (*parts, *[0] * (3 - len(parts)))
