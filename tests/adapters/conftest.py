from tests.cloud import aws, cloud, stack
from tests.standins import globus

__all__ = ["aws", "cloud", "globus", "stack"]
