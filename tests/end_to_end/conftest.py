"""Clusters of real processes; each test gets its own directory and ports, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.cluster import Cluster


@pytest.fixture
def make_cluster(
    tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Cluster]]:
    """`make_cluster(coordinators=3, nodes=2)`: a cluster that is ended with the test."""
    made: list[Cluster] = []

    def make(**options: Any) -> Cluster:
        root = tmp_path / f"cluster{len(made)}"
        root.mkdir()
        cluster = Cluster(root, **options)
        made.append(cluster)
        return cluster

    yield make
    for cluster in made:
        cluster.end()
        print(cluster.last_lines())
