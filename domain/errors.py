"""What the domain refuses, each with a stable code that pages, API and command line share."""

from __future__ import annotations


class DomainError(Exception):
    """A refusal with a sentence a person can act on.

    ``code`` is stable and documented; ``str(error)`` is the sentence.
    """

    code = "refused"


class NotFound(DomainError):
    """Nothing of that id, or it belongs to somebody else: the two look the same from outside."""

    code = "not_found"


class WrongState(DomainError):
    """The lifecycle tables have no such move; the sentence names the state it is in."""

    code = "wrong_state"


class VersionMismatch(DomainError):
    """The caller decided on an older version than there is now."""

    code = "version_mismatch"


class StaleAttempt(DomainError):
    """An outcome was reported by an attempt that is no longer the current one."""

    code = "stale_attempt"


class PlanLimit(DomainError):
    """The owner's plan does not allow it; the sentence says which limit and what helps."""

    code = "plan_limit"


class NotSeenYet(DomainError):
    """Less is loaded than a hint promised: the hint must come back later."""

    code = "not_seen_yet"


class InputRejected(DomainError):
    """The input cannot be annotated.

    Carries no free text of the person's: a code from ``domain.rejections.REJECTIONS``, the place
    (1-based line and column where there is one) and ``facts`` for the sentence, which is made only
    when shown.
    """

    def __init__(
        self,
        code: str,
        *,
        line: int | None = None,
        column: int | None = None,
        facts: dict[str, str | int] | None = None,
    ) -> None:
        self.code = code
        self.line = line
        self.column = column
        self.facts: dict[str, str | int] = facts or {}
        super().__init__(code)

    def __str__(self) -> str:
        from domain.rejections import sentence

        return sentence(self.code, line=self.line, column=self.column, facts=self.facts)
