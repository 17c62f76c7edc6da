"""Proves a result: annotate the same input again and compare every byte by digest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from adapters.annotator_bcftools.annotator import BcftoolsAnnotator
from domain.errors import DomainError
from domain.ports import Limits, Options, Provenance

_NAMES = {
    "engine": "engine",
    "engine_version": "version of the engine",
    "reference": "reference",
    "reference_sha256": "content of the reference",
    "parameters": "parameters",
}


class CannotReproduce(DomainError):
    """What made the result is not what is installed here; the sentence says what differs."""

    code = "cannot_reproduce"


@dataclass(frozen=True, slots=True)
class Reproduction:
    """Names of the products that came out the same, differently, or not at all."""

    same: tuple[str, ...]
    different: tuple[str, ...]
    missing: tuple[str, ...]

    def verdicts(self) -> list[tuple[str, str]]:
        """Each product's name with what became of it."""
        return [
            *((name, "same") for name in self.same),
            *((name, "different") for name in self.different),
            *((name, "missing") for name in self.missing),
        ]

    @property
    def proved(self) -> bool:
        """Whether everything that was recorded came out byte for byte."""
        return bool(self.same) and not self.different and not self.missing


def reproduce(
    annotator: BcftoolsAnnotator,
    source: BinaryIO,
    *,
    recorded: Provenance,
    options: Options,
    input_sha256: str,
    digests: Mapping[str, str],
    workdir: Path,
    limits: Limits,
    progress: Callable[[str, int], None],
    stopped: Callable[[], bool],
    anyway: bool = False,
) -> Reproduction:
    """Annotate again as ``recorded`` and compare with ``digests`` (product name -> sha256).

    Raises CannotReproduce, before running, when anything installed differs from what is recorded
    (unless ``anyway``), and NotFound when the reference is gone.
    """
    if not anyway:
        _refuse_other(recorded, annotator.provenance(recorded.reference, options))
    made = annotator.annotate(
        source, reference=recorded.reference, workdir=workdir, limits=limits, progress=progress,
        stopped=stopped, options=options,
    )  # fmt: skip
    if made.input_sha256 != input_sha256:
        raise CannotReproduce("The input is not the one that was annotated: its digest differs.")
    found = {product.name: product.sha256 for product in made.products}
    return Reproduction(
        same=tuple(name for name in digests if found.get(name) == digests[name]),
        different=tuple(n for n in digests if n in found and found[n] != digests[n]),
        missing=tuple(name for name in digests if name not in found),
    )


def _refuse_other(recorded: Provenance, installed: Provenance) -> None:
    then, now = asdict(recorded), asdict(installed)
    for name, called in _NAMES.items():
        if then[name] != now[name]:
            raise CannotReproduce(
                f"The result was made with another {called}: {then[name]} then, {now[name]} now. "
                "Install what was used then, or add --anyway to compare all the same."
            )
