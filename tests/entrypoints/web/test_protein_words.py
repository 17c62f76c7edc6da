"""Changes of a protein in words."""

from __future__ import annotations

import pytest

from entrypoints.web.protein_words import change_in_words, short_change


@pytest.mark.parametrize(
    ("aa", "consequence", "words"),
    [
        ("D614G", "missense", "aspartic acid 614 becomes glycine"),
        ("Q27*", "stop_gained", "glutamine 27 becomes a stop"),
        ("*514W", "stop_lost", "the stop at 514 becomes tryptophan"),
        ("*514", "stop_retained", "the stop at 514 stays"),
        ("F924", "synonymous", "phenylalanine 924 stays"),
        ("IHV68I", "inframe_deletion", "IHV from 68 become I: 2 residues less"),
        ("E36DDE", "inframe_insertion", "E from 36 becomes DDE: 2 residues more"),
        ("A903DA", "inframe_insertion", "A from 903 becomes DA: 1 residue more"),
        ("RG203KR", "missense", "RG from 203 become KR"),
        ("RG203", "synonymous", "RG from 203 stay"),
        ("QK1201*", "stop_gained&inframe_deletion", "QK from 1201 become a stop"),
        ("FGDSVEEVL…31", "frameshift", "the reading frame shifts around residue 31"),
        ("Z9B", "missense", "Z 9 becomes B"),
        ("12>13A>2", "missense", ""),
        ("", "intron", ""),
    ],
)
def test_a_change_is_told_as_people_say_it(aa: str, consequence: str, words: str) -> None:
    assert change_in_words(aa, consequence) == words


@pytest.mark.parametrize(
    ("aa", "short"),
    [
        ("D614G", "D614G"),
        ("FGDSVEEVLSEARQHLKDGTCGLVEVEKGVLPQLEQPY…31", "F31…"),
        ("IHVSGTNGTKRFDNPV68I", "I68…"),
        ("1234567890>1234567890", "1234567890>1234…"),
        ("", ""),
    ],
)
def test_a_long_change_is_named_by_its_first_residue(aa: str, short: str) -> None:
    assert short_change(aa) == short
