from tests.cloud import aws, cloud, stack
from tests.standins import globus, stripe, vault

__all__ = ["aws", "cloud", "globus", "stack", "stripe", "vault"]
