"""A persistence module of the `eventsourcing` library for Amazon DynamoDB.

Set ``PERSISTENCE_MODULE=adapters.event_store_dynamodb`` and ``DYNAMODB_TABLE``. Read in this order:
`errors`, `table`, `packing`, `chain`, `streams`, `log`, `committer`, `subscription`, `recorders`,
`factory`.
"""

from .factory import DynamoDBFactory

Factory = DynamoDBFactory

__all__ = ["DynamoDBFactory", "Factory"]
