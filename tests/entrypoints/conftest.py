"""A stack of the embedded cloud for what needs real queues and a real store."""

from tests.cloud import aws, cloud, stack

__all__ = ["aws", "cloud", "stack"]
