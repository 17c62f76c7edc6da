"""CONSEQUENCES: csq's terms as Sequence Ontology terms with accession and impact.

csq leaves out the ``_variant`` ending. Accessions: Sequence Ontology (sequenceontology.org);
impact as in Ensembl's table of calculated consequences. In order of severity, worst first.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

IMPACTS = ("HIGH", "MODERATE", "LOW", "MODIFIER")


class Consequence(NamedTuple):
    """One kind of effect: Sequence Ontology term and accession, and how much it usually matters."""

    term: str
    accession: str
    impact: str


CONSEQUENCES: dict[str, Consequence] = {
    "splice_acceptor": Consequence("splice_acceptor_variant", "SO:0001574", "HIGH"),
    "splice_donor": Consequence("splice_donor_variant", "SO:0001575", "HIGH"),
    "stop_gained": Consequence("stop_gained", "SO:0001587", "HIGH"),
    "frameshift": Consequence("frameshift_variant", "SO:0001589", "HIGH"),
    "stop_lost": Consequence("stop_lost", "SO:0001578", "HIGH"),
    "start_lost": Consequence("start_lost", "SO:0002012", "HIGH"),
    "inframe_altering": Consequence("protein_altering_variant", "SO:0001818", "MODERATE"),
    "inframe_insertion": Consequence("inframe_insertion", "SO:0001821", "MODERATE"),
    "inframe_deletion": Consequence("inframe_deletion", "SO:0001822", "MODERATE"),
    "missense": Consequence("missense_variant", "SO:0001583", "MODERATE"),
    "splice_region": Consequence("splice_region_variant", "SO:0001630", "LOW"),
    "start_retained": Consequence("start_retained_variant", "SO:0002019", "LOW"),
    "stop_retained": Consequence("stop_retained_variant", "SO:0001567", "LOW"),
    "synonymous": Consequence("synonymous_variant", "SO:0001819", "LOW"),
    "coding_sequence": Consequence("coding_sequence_variant", "SO:0001580", "MODIFIER"),
    "5_prime_utr": Consequence("5_prime_UTR_variant", "SO:0001623", "MODIFIER"),
    "3_prime_utr": Consequence("3_prime_UTR_variant", "SO:0001624", "MODIFIER"),
    "non_coding": Consequence("non_coding_transcript_variant", "SO:0001619", "MODIFIER"),
    "intron": Consequence("intron_variant", "SO:0001627", "MODIFIER"),
    "feature_elongation": Consequence("feature_elongation", "SO:0001907", "MODIFIER"),
    "feature_truncation": Consequence("feature_truncation", "SO:0001906", "MODIFIER"),
}

UNKNOWN = Consequence("sequence_variant", "SO:0001060", "MODIFIER")

_SEVERITY = {term: rank for rank, term in enumerate(CONSEQUENCES)}


@lru_cache(maxsize=4096)
def terms(consequence: str) -> tuple[str, ...]:
    """csq's compound consequence as its single terms, the worst first.

    ``splice_region&intron`` has two; a leading ``*`` (downstream of a gained stop) is dropped, and
    ``@123`` (told at position 123, in haplotype mode) has none.
    """
    found = [part.lstrip("*") for part in consequence.split("&") if not part.startswith("@")]
    return tuple(sorted(found, key=lambda term: _SEVERITY.get(term, len(_SEVERITY))))


@lru_cache(maxsize=4096)
def impact(consequence: str) -> str:
    """The worst impact among a compound consequence's terms."""
    found = [CONSEQUENCES.get(term, UNKNOWN).impact for term in terms(consequence)]
    return min(found, key=IMPACTS.index, default="MODIFIER")
