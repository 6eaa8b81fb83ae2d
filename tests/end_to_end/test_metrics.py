"""`/metrics` of real processes under load: the contract of EX-73 and nothing else (X57)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.request import urlopen

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from coordinator.client import Client, Condition, NewTask
from coordinator.client.errors import ClientError
from tests import metric_contract
from tests.end_to_end.cluster import Cluster
from tests.end_to_end.processes import free_ports, until

Make = Callable[..., Cluster]
WAIT_S = 60.0
ID = "by-no-means-a-label"
CASES = 20
SUFFIXES = {"gauge": ("",), "counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}

# With the load below these have samples, so that their labels are seen and not only their names.
SEEN_BY_LEADER = [
    "tasks",
    "created_total",
    "runs_total",
    "retries_total",
    "cancels_total",
    "moves_total",
    "dead_letters",
    "start_delay_seconds",
    "assign_seconds",
    "run_seconds",
    "passes_total",
    "pass_seconds",
    "stale_messages_total",
    "executor_load_errors",
    "records_dropped_total",
    "raft_peer_lag_entries",
    "raft_snapshots_total",
    "raft_commit_seconds",
    "raft_fsync_seconds",
    "raft_apply_seconds",
    "raft_batch_entries",
    "nodes",
    "node_units",
    "node_heartbeat_age_seconds",
    "load_ratio",
    "grpc_requests_total",
    "grpc_request_seconds",
    "http_requests_total",
    "watchers",
    "watch_resets_total",
    "event_loop_lag_seconds",
    "disk_free_bytes",
    "clock_spread_seconds",
    "feature_level",
    "build_info",
    "overdue",
    "overdue_age_seconds",
    "unassigned",
]


class Scraped:
    """One process's answer."""

    def __init__(self, address: str) -> None:
        with urlopen(f"http://{address}/metrics", timeout=WAIT_S) as answer:
            self.type = answer.headers["Content-Type"]
            self.text = answer.read().decode()
        self.families: dict[str, Metric] = {
            family.name: family for family in text_string_to_metric_families(self.text)
        }

    def value(self, name: str, **labels: str) -> float:
        """Of all samples with these labels, together."""
        family = self.families["ptasks_" + name.removesuffix("_total").removesuffix("_count")]
        wanted = labels.items()
        return sum(
            s.value
            for s in family.samples
            if s.name == f"ptasks_{name}" and wanted <= s.labels.items()
        )

    def has_samples(self, name: str) -> bool:
        return bool(self.families["ptasks_" + name.removesuffix("_total")].samples)


def with_http(cluster: Cluster) -> dict[str, str]:
    """Give every process a door for scrapes; where it is."""
    found = {}
    for name, port in zip(cluster.processes, free_ports(len(cluster.processes)), strict=True):
        found[name] = f"127.0.0.1:{port}"
        cluster[name].command += ["--http", found[name]]
    return found


def check(scraped: Scraped, contract: Mapping[str, metric_contract.Row], cluster: Cluster) -> None:
    """Exactly these names, types and labels; no task id, no address."""
    assert scraped.type == "text/plain; version=0.0.4; charset=utf-8"
    expected = {"ptasks_" + name.removesuffix("_total"): row for name, row in contract.items()}
    assert {name: f.type for name, f in scraped.families.items()} == {
        name: kind for name, (kind, _) in expected.items()
    }
    for name, (kind, labels) in expected.items():
        family = scraped.families[name]
        assert family.documentation
        for sample in family.samples:
            assert sample.name.removeprefix(name) in SUFFIXES[kind], sample
            assert set(sample.labels) - {"le"} == set(labels), sample
            assert ("le" in sample.labels) == sample.name.endswith("_bucket")
    assert ID not in scraped.text
    for address in (*cluster.addresses.values(), *cluster.streams.values()):
        assert address not in scraped.text


async def load(client: Client, *, round_: int) -> None:
    """Every kind of end, and of answer."""
    tasks = [NewTask(executor="demo.noop", id=f"{ID}-{round_}-{n}") for n in range(CASES)]
    await client.create_many(tasks)
    again = await client.create_many(tasks[:1])
    assert not again.items[0].created
    fails = {"failures": 1, "permanent": True}
    await client.create(NewTask(executor="demo.flaky", params=fails, id=f"{ID}-{round_}-fails"))
    await client.create(NewTask(executor="demo.flaky", id=f"{ID}-{round_}-again"))
    forever = {"duration": "1h"}
    for name in ("cancelled", "moved"):
        task_id = f"{ID}-{round_}-{name}"
        await client.create(NewTask(executor="demo.sleep", params=forever, id=task_id))
        await client.wait(task_id, [Condition(kind="status", status="running")], timeout_s=WAIT_S)
    with pytest.raises(ClientError):
        await client.create(NewTask(executor="made.up", id=f"{ID}-{round_}-unknown"))
    await client.move(f"{ID}-{round_}-moved")
    await client.cancel(f"{ID}-{round_}-cancelled")
    ended = [f"{ID}-{round_}-{name}" for name in ("fails", "again", "cancelled")]
    for task_id in (*ended, *(task.id for task in tasks)):
        await client.wait(task_id, timeout_s=WAIT_S)
    await client.remove(tasks[0].id)
    big = NewTask(executor="demo.noop", id=f"{ID}-{round_}-big", cost=1_000)
    await client.create(big)


def test_x57_a_scrape_under_load_gives_the_contract_and_no_task_id(
    make_cluster: Make, tmp_path: Path
) -> None:
    cluster = make_cluster(coordinators=3, nodes=2)
    doors = with_http(cluster)
    cluster.start()
    cluster.wait_ready()
    leader = cluster.leader()
    cluster.call(lambda client: load(client, round_=1), timeout_s=WAIT_S)

    for address in doors.values():
        urlopen(f"http://{address}/livez", timeout=WAIT_S).close()
    first = {name: Scraped(address) for name, address in doors.items()}
    for name, scraped in first.items():
        own = metric_contract.NODE if name in cluster.nodes else metric_contract.COORDINATOR
        check(scraped, own, cluster)
    unseen = [name for name in SEEN_BY_LEADER if not first[leader].has_samples(name)]
    assert not unseen
    coordinators = [first[name] for name in cluster.coordinators]

    def everywhere(name: str, **labels: str) -> float:
        return sum(scraped.value(name, **labels) for scraped in coordinators)

    assert everywhere("raft_is_leader") == 1
    noop = {"executor": "demo.noop"}
    assert everywhere("runs_total", outcome="succeeded", **noop) == CASES
    assert everywhere("created_total", result="created", **noop) == CASES + 1
    assert everywhere("created_total", result="existing", **noop) == 1
    assert everywhere("created_total", result="refused") == 1
    assert everywhere("runs_total", executor="demo.flaky", outcome="failed") == 2
    assert everywhere("retries_total", executor="demo.flaky") == 1
    assert everywhere("cancels_total") == 1
    assert everywhere("moves_total", reason="operator") == 1
    assert everywhere("dead_letters", reason="permanent") == 1
    assert everywhere("run_seconds_count", **noop) == CASES
    assert everywhere("unassigned", code="no_capacity") == 1
    assert everywhere("nodes", status="ready") == 2
    assert everywhere("node_units", state="capacity") == 40
    assert sum(first[name].value("node_runs", executor="demo.sleep") for name in cluster.nodes) == 1
    assert all(first[name].value("node_lease_remaining_seconds") > 0 for name in cluster.nodes)

    hand_over(cluster, leader)
    second = {name: Scraped(doors[name]) for name in cluster.coordinators}
    for name, scraped in second.items():  # whoever leads, no counter of a process falls
        check(scraped, metric_contract.COORDINATOR, cluster)
        assert not fallen(first[name], scraped)
    assert second[leader].value("tasks") == 0  # what the leader alone shows has gone to the other
    assert sum(scraped.value("nodes", status="ready") for scraped in second.values()) == 2
    assert second[leader].value("raft_leader_changes_total") == 1


def fallen(before: Scraped, after: Scraped) -> list[Sample]:
    """Counters of a process that are lower than they were."""
    counters = [f for f in before.families.values() if f.type == "counter"]
    samples = [sample for family in counters for sample in family.samples]
    return [s for s in samples if after.value(s.name.removeprefix("ptasks_"), **s.labels) < s.value]


def hand_over(cluster: Cluster, leader: str) -> None:
    other = next(name for name in cluster.coordinators if name != leader)
    cluster.call(lambda client: client.cluster.transfer_leader(other), timeout_s=WAIT_S)
    until(lambda: cluster.leaders() == [other], f"{other} leads")
    cluster.wait_ready()
