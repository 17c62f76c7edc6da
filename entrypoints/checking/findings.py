"""What a check says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One promise that does not hold: which, in a sentence, what to do, and for which job."""

    promise: str
    says: str
    do: str
    job: str = ""

    def __str__(self) -> str:
        about = f"Job {self.job}: " if self.job else ""
        return f"{about}{self.says} {self.do}"


@dataclass(frozen=True, slots=True)
class Report:
    """All findings, and how much was looked at."""

    findings: tuple[Finding, ...]
    counts: dict[str, int]
