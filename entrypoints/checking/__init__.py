"""Whether the service's promises hold, from log, records and files: what `gas check` says."""

from entrypoints.checking.facts import Facts, gather
from entrypoints.checking.findings import Finding, Report
from entrypoints.checking.run import check

__all__ = ["Facts", "Finding", "Report", "check", "gather"]
