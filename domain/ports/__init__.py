"""What the domain and the work need from outside, as protocols. One contract suite per port."""

from domain.ports.annotation import (
    Annotation,
    Annotator,
    EngineFailed,
    Interrupted,
    Limits,
    Options,
    Product,
    Provenance,
    ReferenceInfo,
)
from domain.ports.cold import (
    Archive,
    ArchiveFailed,
    ArchiveRef,
    ColdFile,
    Retrieval,
    RetrievalState,
)
from domain.ports.files import ObjectHead, ObjectStore, PresignedPost
from domain.ports.messages import Bus, Delivery, QueueDepth, WorkQueue
from domain.ports.people import Identity, IdentityProvider
from domain.ports.state import Change, Conflict, Put, Record, RecordCopy, Records, Remove, Views
from domain.ports.variants import (
    Place,
    TableDamaged,
    VariantCounts,
    VariantFilter,
    VariantPage,
    VariantRow,
    VariantTable,
    VariantTables,
)

__all__ = [
    "Annotation",
    "Annotator",
    "Archive",
    "ArchiveFailed",
    "ArchiveRef",
    "Bus",
    "Change",
    "ColdFile",
    "Conflict",
    "Delivery",
    "EngineFailed",
    "Identity",
    "IdentityProvider",
    "Interrupted",
    "Limits",
    "ObjectHead",
    "ObjectStore",
    "Options",
    "Place",
    "PresignedPost",
    "Product",
    "Provenance",
    "Put",
    "QueueDepth",
    "Record",
    "RecordCopy",
    "Records",
    "ReferenceInfo",
    "Remove",
    "Retrieval",
    "RetrievalState",
    "TableDamaged",
    "VariantCounts",
    "VariantFilter",
    "VariantPage",
    "VariantRow",
    "VariantTable",
    "VariantTables",
    "Views",
    "WorkQueue",
]
