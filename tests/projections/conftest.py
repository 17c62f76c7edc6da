from tests.cloud import aws, cloud, stack
from tests.standins import vault

__all__ = ["aws", "cloud", "stack", "vault"]
