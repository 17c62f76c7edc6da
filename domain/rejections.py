"""REJECTIONS: why an input or a run fails, as stable codes with the sentence a person reads.

Events carry the code, the place and the facts; the sentence is made here, when it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping

REJECTIONS: dict[str, str] = {
    "empty_file": "The file is empty. Upload a VCF with a header and at least one variant line.",
}


def sentence(
    code: str,
    *,
    line: int | None = None,
    column: int | None = None,
    facts: Mapping[str, str | int] | None = None,
) -> str:
    """The sentence for a code: what is wrong, where, and what to do.

    An unknown code (written by a newer version) still gives a sentence rather than an error.
    """
    place = "" if line is None else f"Line {line}" + (f", column {column}" if column else "") + ": "
    text = REJECTIONS.get(code)
    if text is None:
        return f"{place}The annotation failed ({code}). Open the log for details."
    return place + text.format_map(dict(facts or {}))
