from tests.cloud import aws, cloud, stack
from tests.standins import globus, vault

__all__ = ["aws", "cloud", "globus", "stack", "vault"]
