"""Clients of AWS services, one a process for each service and place: making one takes longer than most of its requests."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def client(service: str, region: str, endpoint: str = "") -> Any:
    """A client; safe to use from several threads, and repeats what fails or is throttled with growing, random waits.

    Parameters
    ----------
    service : str
        As boto3 calls it, e.g. ``glue``.
    region : str
        e.g. ``us-east-1``.
    endpoint : str
        Another place that speaks the service's protocol; empty: AWS.
    """
    import boto3
    from botocore.config import Config

    config = Config(retries={"mode": "standard", "max_attempts": 6}, connect_timeout=10, read_timeout=60)
    return boto3.session.Session().client(service, region_name=region, endpoint_url=endpoint or None, config=config)
