"""Whether a view is what its log says: a replay beside it, compared row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.errors import DomainError
from domain.ports import Views
from entrypoints.views import catch_up
from projections.job_views import all_views

if TYPE_CHECKING:
    from entrypoints.bootstrap import Gas

TRIES = 5


class Restless(DomainError):
    """The view moved on each time it was compared."""

    code = "restless"


def differences(gas: Gas, name: str, scratch: Views) -> list[str]:
    """Rows of a view that differ from a replay up to the view's own position, in words.

    ``scratch`` is empty, or has what an earlier call left there.
    """
    view = next(view for view in all_views(gas.service, scratch, gas.policy) if view.name == name)
    for _ in range(TRIES):
        position = gas.views.position(name)
        catch_up(gas.service, scratch, view, until=position)
        live = {(pk, sk): row for pk, sk, row in gas.views.scan(name)}
        if gas.views.position(name) == position:
            replayed = {(pk, sk): row for pk, sk, row in scratch.scan(name)}
            return [
                f"{pk} {sk}: {_verdict(live.get((pk, sk)), replayed.get((pk, sk)))}"
                for pk, sk in sorted(live.keys() | replayed.keys())
                if live.get((pk, sk)) != replayed.get((pk, sk))
            ]
    raise Restless(f"The view {name} changes too fast to be compared. Try again later.")


def _verdict(live: object, replayed: object) -> str:
    if live is None:
        return "missing"
    return "should not be there" if replayed is None else "differs"
