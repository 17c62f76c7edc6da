"""Changes of a protein as a person at the bench would say them."""

from __future__ import annotations

import re

# IUPAC's single letters (IUPAC-IUB 1983, "Nomenclature and symbolism for amino acids")
RESIDUES = {
    "A": "alanine", "R": "arginine", "N": "asparagine", "D": "aspartic acid", "C": "cysteine",
    "Q": "glutamine", "E": "glutamic acid", "G": "glycine", "H": "histidine", "I": "isoleucine",
    "L": "leucine", "K": "lysine", "M": "methionine", "F": "phenylalanine", "P": "proline",
    "S": "serine", "T": "threonine", "W": "tryptophan", "Y": "tyrosine", "V": "valine",
    "U": "selenocysteine", "O": "pyrrolysine",
}  # fmt: skip
STOP = "*"
CUT = "\N{HORIZONTAL ELLIPSIS}"
LONGEST = 16  # characters of a change that stand in the table
CHANGE = re.compile(r"([A-Z*]+)(\d+)([A-Z*]*)", re.ASCII)
BEGINNING = re.compile(rf"([A-Z*])[A-Z*]*{CUT}?(\d+)", re.ASCII)


def short_change(aa: str) -> str:
    """The change so short that it fits a column: a long one by its first residue, ``F31…``."""
    if len(aa) <= LONGEST and CUT not in aa:
        return aa
    begins = BEGINNING.match(aa)
    return f"{begins[1]}{begins[2]}{CUT}" if begins else aa[: LONGEST - 1] + CUT


def change_in_words(aa: str, consequence: str) -> str:
    """``D614G`` is "aspartic acid 614 becomes glycine"; empty where words would say less."""
    begins, whole = BEGINNING.match(aa), CHANGE.fullmatch(aa)
    if begins and "frameshift" in consequence:
        return f"the reading frame shifts around residue {begins[2]}"
    if whole is None:
        return ""
    before, number, after = whole.groups()
    if len(before) == 1 and len(after) <= 1:
        return _single(before, number, after)
    return _several(before, number, after)


def _single(before: str, number: str, after: str) -> str:
    old = f"the stop at {number}" if before == STOP else f"{RESIDUES.get(before, before)} {number}"
    if not after or after == before:
        return f"{old} stays"
    return f"{old} becomes {_name(after)}"


def _several(before: str, number: str, after: str) -> str:
    """Of more than one residue only the letters: names would fill the page."""
    verb = "becomes" if len(before) == 1 else "become"
    if not after:
        return f"{before} from {number} stay"
    told = f"{before} from {number} {verb} {_name(after) if after == STOP else after}"
    more = len(after) - len(before)
    if STOP in before + after or not more:
        return told
    plural = "" if abs(more) == 1 else "s"
    return f"{told}: {abs(more)} residue{plural} {'more' if more > 0 else 'less'}"


def _name(letter: str) -> str:
    return "a stop" if letter == STOP else RESIDUES.get(letter, letter)
