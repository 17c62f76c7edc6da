"""`make bench`: every table, or those named on the command line."""

from __future__ import annotations

import sys
from importlib import import_module

TABLES = ("service", "annotator", "event_store")

for table in sys.argv[1:] or TABLES:
    import_module(f"tests.bench.{table}").main()
    print()
