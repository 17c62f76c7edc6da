"""Consequences of variants by `bcftools csq`, run outside the calling process.

Only ``starter.py`` and what it forks import pysam; each run is a sandboxed child: csq holds the
interpreter's lock for a whole call, and a segmentation fault in it ends the interpreter.
"""

from adapters.annotator_bcftools.annotator import BcftoolsAnnotator

__all__ = ["BcftoolsAnnotator"]
