"""Manifests: plain JSON with a digest that depends on nothing but the content."""

from __future__ import annotations

import json
import subprocess
import sys

from executors.builtin.digest import Digest
from executors.builtin.noop import Noop
from executors.manifests import manifest_of


def test_what_a_manifest_says() -> None:
    manifest = manifest_of(Digest.definition)
    document = manifest.document()
    assert sorted(document) == [
        "doc",
        "has_describe",
        "name",
        "own_assignment",
        "own_validate",
        "params_schema",
        "policy",
        "state_schema",
        "title",
        "version",
    ]
    assert (document["name"], document["version"]) == ("demo.digest", 1)
    assert (document["own_validate"], document["own_assignment"]) == (True, False)
    assert document["has_describe"] is True
    assert document["params_schema"]["additionalProperties"] is False
    assert document["policy"]["cost"] == 2


def test_the_body_is_canonical() -> None:
    manifest = manifest_of(Noop.definition)
    again = json.dumps(json.loads(manifest.body), sort_keys=True, separators=(",", ":"))
    assert again.encode() == manifest.body
    assert manifest_of(Noop.definition) == manifest


def test_the_digest_is_that_of_any_other_process() -> None:
    program = (
        "from executors.builtin.digest import Digest; from executors.manifests import manifest_of;"
        "print(manifest_of(Digest.definition).digest)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONHASHSEED": "7", "PYTHONPATH": "."},
    )
    assert told.stdout.strip() == manifest_of(Digest.definition).digest
