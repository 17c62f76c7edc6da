"""Tables of variants read with DuckDB from local copies (port ``VariantTables``)."""

from adapters.variants_duckdb.tables import DuckDbTables

__all__ = ["DuckDbTables"]
