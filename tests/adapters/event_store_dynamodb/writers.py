"""A program that appends from several processes: ``python -m … ORDER.json``.

Forks one process per entry of the order (so modules are loaded once), prints their process ids, and
each writes what it was told into ``<folder>/<seed>.json``: [[originator, version, position], …].
"""

from __future__ import annotations

import json
import os
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3  # noqa: F401 - loaded before the fork, so that each child starts at once

from tests.adapters.event_store_dynamodb import faults  # noqa: F401 - likewise
from tests.adapters.event_store_dynamodb.events import a_factory, a_recorder, event

Told = list[tuple[str, int, int]]


def write(order: dict[str, Any]) -> None:
    """One process: each thread fills a stream of its own with its share of the appends."""
    factory = a_factory({**order["env"], "FAULTS_SEED": str(order["seed"])})
    recorder = a_recorder(factory)

    def fill_a_stream(number: int) -> Told:
        chance = random.Random(order["seed"] * 1000 + number)
        originator, version = uuid4(), 1
        told: Told = []
        for _ in range(order["appends"] // order["threads"]):
            count = chance.choice([1, 1, 1, 2, 5])
            events = [event(originator, version + i, os.urandom(20)) for i in range(count)]
            for stored, position in zip(events, recorder.insert_events(events), strict=True):
                told.append((str(originator), stored.originator_version, position))
            version += count
        return told

    with ThreadPoolExecutor(order["threads"]) as pool:
        shares = list(pool.map(fill_a_stream, range(order["threads"])))
    told = [line for lines in shares for line in lines]
    factory.close()
    (Path(order["folder"]) / f"{order['seed']}.json").write_text(json.dumps(told))


def main() -> None:
    """Fork, tell the process ids, wait; the exit status is 1 when any child failed."""
    children = []
    for order in json.loads(Path(sys.argv[1]).read_text()):
        child = os.fork()
        if child == 0:
            write(order)
            os._exit(0)
        children.append(child)
    print(json.dumps(children), flush=True)
    sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0 for child in children))


if __name__ == "__main__":
    main()
