from tests.cloud import aws, cloud, stack

__all__ = ["aws", "cloud", "stack"]
