"""What all users of AWS services share: the region, one client a process for each service and place, and what its errors say."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Any


def region(environ: Mapping[str, str] | None = None) -> str:
    """``AWS_REGION`` or ``AWS_DEFAULT_REGION``; ``us-east-1`` if neither is set."""
    told = os.environ if environ is None else environ
    return told.get("AWS_REGION") or told.get("AWS_DEFAULT_REGION") or "us-east-1"


def code(error: Any) -> str:
    """What the service calls a botocore ``ClientError``; empty if it does not say."""
    return str(error.response.get("Error", {}).get("Code", ""))


def unanswered(error: Exception, next_step: str) -> str:
    """What a botocore ``BotoCoreError`` means, no answer having come, and what to do: ``next_step``, unless credentials are missing."""
    name = type(error).__name__
    if "Credential" in name or "Token" in name:
        return "no credentials; give the process a role, or set AWS_PROFILE"
    return f"no answer ({name}); {next_step}"


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
