"""Left-aligns indels and splits records of several alleles, by `bcftools norm`, on request.

norm fails on what it does not know, so it only gets records that passed the check, under the
reference's contig names; the others and the person's own names are put back afterwards.
"""

from __future__ import annotations

import re
from pathlib import Path

from adapters.annotator_bcftools.forks import EngineDied, Fork
from adapters.annotator_bcftools.header import Header
from adapters.annotator_bcftools.references import Contig, Reference
from adapters.annotator_bcftools.tally import Batch
from domain.errors import InputRejected

TAB = b"\t"
_PATH = re.compile(r"(?:/[\w.+-]+)+/")


class Normalising:
    """Takes checked batches; ``finish`` writes the file that is then annotated."""

    def __init__(self, header: Header, reference: Reference, folder: Path) -> None:
        self._header, self._reference, self._folder = header, reference, folder
        self._checked = (folder / "checked.vcf").open("wb")
        self._others = (folder / "others.vcf").open("wb")
        self._contig: Contig | None = None
        self._own_names: dict[bytes, bytes] = {}
        lengths = [(contig.name, contig.length) for contig in reference.contigs]
        declared = [line for line in header.meta if not line.startswith(b"##contig=")]
        plain = Header(header.version, declared, header.columns, header.samples)
        self._checked.write(plain.written(lengths, []))

    def switch(self, contig: Contig | None) -> None:
        """The following records lie on this contig."""
        self._contig = contig

    def take(self, batch: Batch) -> None:
        """Keep records for norm, or aside."""
        left = set(batch.unsent)
        for at, line in enumerate(batch.lines):
            if at in left or self._contig is None:
                self._others.write(line + b"\n")
            else:
                own, _, rest = line.partition(TAB)
                name = self._contig.name.encode()
                self._own_names.setdefault(name, own)
                self._checked.write(name + TAB + rest + b"\n")

    def finish(self) -> Path:
        """Run norm and put everything together. Raises InputRejected and EngineDied."""
        self._checked.close()
        self._others.close()
        words = self._folder / "norm.txt"
        try:
            Fork("bcftools norm", lambda: self._norm(words)).wait()
        except EngineDied as error:
            if error.code != "engine_crashed" or not words.exists():
                raise
            detail = words.read_text(errors="replace")[-200:]
            raise InputRejected("cannot_normalise", facts={"detail": detail}) from error
        return self._together()

    def _norm(self, words: Path) -> None:
        import pysam.bcftools
        import pysam.utils

        try:
            pysam.bcftools.norm(
                "--no-version", "--multiallelics", "-any", "--check-ref", "w",
                "-f", str(self._reference.genome), "-Ov", "-o", str(self._folder / "norm.vcf"),
                str(self._folder / "checked.vcf"), catch_stdout=False,
            )  # fmt: skip
        except pysam.utils.SamtoolsError as error:
            words.write_text(reason(str(error)))
            raise

    def _together(self) -> Path:
        whole = self._folder / "normalised.vcf"
        with whole.open("wb") as out, (self._folder / "norm.vcf").open("rb") as normed:
            out.write(self._header.written([], []))
            for line in normed:
                if not line.startswith(b"#"):
                    name, _, rest = line.partition(TAB)
                    out.write(self._own_names.get(name, name) + TAB + rest)
            with (self._folder / "others.vcf").open("rb") as others:
                out.writelines(others)
        return whole


def reason(told: str) -> str:
    """The line of htslib's that says what is wrong, without this machine's paths."""
    if "flush_buffer" in told:
        return "a record cannot be written; look for an empty INFO or FORMAT column"
    lines = told.replace("\\n", "\n").splitlines()
    line = next((each for each in lines if "rror" in each[10:]), lines[0])
    return _PATH.sub("", line.rpartition("stderr=")[2]).strip(" '")
