"""REJECTIONS: why an input or a run fails, as stable codes with the sentence a person reads.

Events carry the code, the place and the facts; the sentence is made here, when it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping

from domain.sizes import exact_size

# The person's file: what is wrong and what to do. Codes are stable; facts stand in braces.
INPUT: dict[str, str] = {
    "input_missing": "The uploaded file is gone. Upload it again.",
    "input_changed": "The file is not the one that was submitted: it was replaced after the "
    "upload. Upload it again.",
    "empty_file": "The file is empty. Upload a VCF with a header and at least one variant line.",
    "no_records": "The file has a header but no variant line. Check the step that wrote it, and "
    "upload a file with at least one variant.",
    "no_header": "This is not a VCF header. A VCF begins with “##fileformat=VCFv4.2” and a line "
    "“#CHROM POS ID REF ALT QUAL FILTER INFO” separated by tabs: upload the file with its header.",
    "no_column_line": "The line “#CHROM POS ID REF ALT QUAL FILTER INFO” is missing before the "
    "variants. Add it, separated by tabs, after the last “##” line.",
    "column_line": "The line that begins with “#CHROM” must name the columns of a VCF, and here "
    "“{expected}” is expected. Correct the line; columns are separated by one tab.",
    "header_twice": "A second “##fileformat” begins here: two files seem to have been joined. "
    "Join VCF files with `bcftools concat`, or remove the second header.",
    "header_in_body": "A header line stands among the variants: two files seem to have been "
    "joined. Join VCF files with `bcftools concat`, or remove the line.",
    "header_too_large": "The header is longer than {bytes} bytes. Remove header lines that the "
    "variants do not need, for instance with `bcftools annotate -x`.",
    "contig_line": "This contig line has no ID. Write it as “##contig=<ID=chr1,length=248956422>” "
    "or remove it.",
    "header_index": "IDX in this header line is larger than {largest}. Remove “,IDX=” and its "
    "number from the header lines: only BCF needs them.",
    "too_many_contigs": "The file names more than {contigs} contigs. Remove the ones without "
    "variants from the header.",
    "version": "VCF version “{version}” is not known here. Convert the file to VCF 4.2, for "
    "instance with `bcftools view` or `vcf-convert`.",
    "format_without_samples": "The column FORMAT is there, but no sample follows it. Remove the "
    "column (for instance with `cut -f 1-8`), or add the samples.",
    "duplicate_samples": "A sample name stands twice in this line. Give every sample a name of its "
    "own, for instance with `bcftools reheader -s`.",
    "not_vcf": "This is {kind}, not a VCF. Upload the VCF itself, plain or packed with gzip or "
    "bgzip.",
    "not_utf8": "A character here is not UTF-8 text. Save the file as UTF-8, for instance with "
    "`iconv -f latin1 -t utf-8`.",
    "nul": "There is a NUL byte here: the file is damaged or not a text file. Upload it again, or "
    "write it anew.",
    "carriage_return": "A carriage return stands inside the line. Convert the line ends to Unix "
    "style, for instance with `dos2unix` or `mac2unix`.",
    "truncated": "The packed file ends too early: the upload or the copy was cut off. Upload it "
    "again; if it is whole, pack it anew with `bgzip`.",
    "corrupt_gzip": "The packed file cannot be unpacked after {bytes} bytes. Check it with "
    "`gzip -t`, and copy or pack it again.",
    "corrupt_bcf": "The BCF file cannot be read. Check it with `bcftools view`, or upload it as "
    "VCF.",
    "bomb": "The file unpacks to more than {ratio} times its size, which no VCF does. Upload it "
    "unpacked if it is one.",
    "too_large": "The file, unpacked where it is packed, is larger than the {limit} your "
    "plan takes. Upgrade to Premium (up to 5 GB), upload a part of it (for instance with "
    "`bcftools view -r`), or use `gas annotate` on your own machine, which has no such limit.",
    "line_too_long": "The line is longer than {bytes} bytes. Remove long INFO values, for instance "
    "with `bcftools annotate -x INFO/NAME`, or split the samples over several files.",
    "empty_lines": "There are more than {lines} empty lines. Remove them, for instance with "
    "`sed '/^$/d'`.",
    "spaces": "The columns are separated by spaces. A VCF needs one tab between columns: replace "
    "the spaces by tabs.",
    "too_few_columns": "A variant line has at least 8 columns separated by tabs; this one has "
    "{columns}. Complete or remove the line.",
    "column_count": "This line has {columns} columns, but the header names {expected}. Correct the "
    "line, or the “#CHROM” line.",
    "position": "The position is not a whole number. Write POS as the 1-based position of the "
    "first base of REF.",
    "position_zero": "The position is 0, before the first base. Positions in a VCF count from 1: "
    "add 1 if the file was made from 0-based positions.",
    "position_past_end": "The position lies behind the end of {contig}, which has {length} bases "
    "in the reference. The file was made with another genome, or the line is wrong: choose the "
    "matching reference, or correct the line.",
    "position_too_large": "The position is larger than {largest}, the largest one a VCF may have. "
    "Correct the line.",
    "contig_name": "CHROM holds a character that no contig's name may have, such as a comma, a "
    "space or a bracket. Correct the name.",
    "unreadable": "The records cannot be read by htslib, so neither by most other tools: look for "
    "odd characters in the header, FILTER, INFO and FORMAT, and check the file with "
    "`bcftools view`.",
    "info_key": "INFO holds a key that no header line can declare: one with a comma, “<” or “>”, "
    "or with a quote, “[” or space at its beginning or a space at its end. Correct the key, or "
    "remove the entry.",
    "filter_column": "FILTER holds a character that no filter's name may have. Correct the value, "
    "or write “PASS” or “.”.",
    "too_many_at_position": "More than {records} records stand at position {position}. Join them "
    "into one record each with `bcftools norm -m +any`, or remove repeated lines.",
    "too_many_alleles": "More than {alleles} alternate alleles stand at position {position}. Split "
    "them with `bcftools norm -m -any`, or remove the rare ones.",
    "no_genotypes": "Haplotypes were asked for, but there is no genotype (GT) here. Annotate "
    "without haplotypes, or give a file with phased genotypes.",
    "genotype": "The genotype is not one of the alleles of this line. Correct it, or annotate "
    "without haplotypes.",
    "unphased": "The genotype is heterozygous and not phased, so its haplotypes are not known. "
    "Phase the file (for instance with WhatsHap or Beagle), or annotate without haplotypes.",
    "cannot_normalise": "The records cannot be left-aligned and split: {detail}. Correct the file, "
    "or annotate it without normalising.",
    "quality": "QUAL is neither a number nor “.”. Correct the value, or write “.”.",
    "ref_not_bases": "REF must be bases (A, C, G, T, N). Write insertions and deletions with the "
    "base before them, as VCF asks, not with “-” or “.”.",
    "alt_not_bases": "ALT must be bases, “*”, “.”, a symbol such as “<DEL>”, or a breakend. Write "
    "several alleles with commas, and deletions with the base before them, not with “-”.",
    "info_type": "The INFO value of {tag} is not of the type its header line declares. Correct the "
    "value, or the Type in the header.",
    "wrong_lengths": "The header says that {contig} has {declared} bases; in {reference} it has "
    "{length}. The file was made with another genome.{hint} Choose the matching reference.",
    "wrong_build": "REF differs from {reference} in {wrong} of the first {checked} records, here "
    "for the first time: the file was made with another genome.{hint} Choose the matching "
    "reference.",
    "unknown_reference": "There is no reference “{reference}” here. Choose one of those installed: "
    "{installed}.",
    "unknown_contigs": "No contig of the file is one of {reference}.{hint} Choose the matching "
    "reference, or rename the contigs with `bcftools annotate --rename-chrs`.",
}

# The run, not the file: a second attempt may mend it.
RUN: dict[str, str] = {
    "gave_up": "The annotation was begun {attempts} times and never came to an end. Run it again, "
    "and tell the operator if it happens twice.",
    "engine_crashed": "The annotation engine ended unexpectedly. Nothing was published; try again, "
    "and tell the operator if it happens twice.",
    "engine_killed": "The annotation engine was ended from outside. Try again.",
    "engine_missing": "The annotation engine is not installed. Tell the operator of this service.",
    "engine_out_of_memory": "The file needed more memory than one annotation may take. Split it, "
    "for instance by contig, and try again.",
    "engine_out_of_time": "The annotation took longer than it may. Split the file, for instance by "
    "contig, and try again.",
    "engine_out_of_disk": "The annotation wrote more than it may, or the disk is full. Try again "
    "later, or split the file.",
    "engine_lost_records": "The result did not have every record of the input, so it was not "
    "published. Try again, and tell the operator if it happens twice.",
}

REJECTIONS: dict[str, str] = {**INPUT, **RUN}

SIZES = frozenset({"limit"})  # facts that are bytes, to be read as people read sizes

# Why single records are left without annotation while the rest of the file is annotated.
SKIPPED: dict[str, str] = {
    "unknown_contig": "on contigs the reference does not have",
    "contig_length": "on contigs whose declared length differs from the reference",
    "wrong_ref": "whose REF differs from the reference",
    "breakend": "that are breakends, which have no consequence here",
    "ambiguous_base": "with ambiguous bases (IUPAC codes)",
    "no_alternate": "without an alternate allele",
}


class _Facts(dict[str, object]):
    """A fact an older version did not record leaves a gap, not an error."""

    def __missing__(self, key: str) -> str:
        return "" if key == "hint" else "…"


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
    shown = {name: _shown(name, value) for name, value in (facts or {}).items()}
    return place + text.format_map(_Facts(shown))


def _shown(name: str, value: str | int) -> str:
    if not isinstance(value, int):
        return value
    return exact_size(value) if name in SIZES else f"{value:,}"


def skip_reason(reason: str) -> str:
    """Why records were left without annotation, to follow their number: “3 records …”."""
    return SKIPPED.get(reason, reason)


def as_page() -> str:
    """The tables as the documentation's page (Markdown); a test keeps the file like this."""
    parts = [_PAGE]
    for title, text, table in (
        ("The file is refused", "Nothing is annotated until the file is mended.", INPUT),
        ("The run failed", "The file may be fine; the run is tried again by itself.", RUN),
        ("Single records are left without annotation", _LEFT, SKIPPED),
    ):
        rows = (f"| `{code}` | {sentence} |" for code, sentence in table.items())
        parts.append(
            f"## {title}\n\n{text}\n\n| code | what it says |\n|---|---|\n" + "\n".join(rows)
        )
    return "\n\n".join(parts) + "\n"


_PAGE = """# When a file cannot be annotated

Every refusal has a stable code, a sentence that says what to do, and, where there is one, the line
and column in the file (both counted from 1). What stands in braces is filled in."""
_LEFT = (
    "The file is annotated; these records pass through unchanged, are counted by reason, and the "
)
_LEFT += "first of each reason are listed in the log."
