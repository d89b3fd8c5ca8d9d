"""How Redshift is reached; passwords come from Secrets Manager or IAM at the moment of connecting and are kept nowhere."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from la_resources import aws

_ROLE = re.compile(r"arn:aws[\w-]*:iam::\d{12}:role/[\w+=,.@/-]+|default")


@dataclass(frozen=True)
class RedshiftSettings:
    """Where the cluster or workgroup is.

    Attributes
    ----------
    host, port, database : str, int, str
        ``LA_REDSHIFT_HOST``, ``LA_REDSHIFT_PORT`` (5439), ``LA_REDSHIFT_DATABASE`` (``analytics``).
    role : str
        ``LA_REDSHIFT_ROLE``: ARN of the role with which COPY reads the lake (``default``: the cluster's default role).
    secret : str
        ``LA_REDSHIFT_SECRET``: name or ARN of a secret with ``username`` and ``password``; empty: IAM gives short-lived ones.
    workgroup : str
        ``LA_REDSHIFT_WORKGROUP``: the Redshift Serverless workgroup, for IAM.
    region : str
        See :func:`la_resources.aws.region`.
    secrets_endpoint : str
        ``LA_SECRETS_ENDPOINT``: another place that speaks Secrets Manager; empty: AWS.
    encrypted : bool
        ``LA_REDSHIFT_SSL=no`` leaves TLS out.
    patience : float
        ``LA_REDSHIFT_PATIENCE``: seconds to wait for a Redshift that does not answer (180).
    """

    host: str
    port: int = 5439
    database: str = "analytics"
    role: str = "default"
    secret: str = ""
    workgroup: str = ""
    region: str = "us-east-1"
    secrets_endpoint: str = ""
    encrypted: bool = True
    patience: float = 180.0

    def __post_init__(self) -> None:
        if not _ROLE.fullmatch(self.role):
            raise ValueError(f"LA_REDSHIFT_ROLE={self.role!r} is not the ARN of a role")
        if not (self.secret or self.workgroup):
            raise ValueError("Redshift needs LA_REDSHIFT_SECRET (a secret with username and password) or LA_REDSHIFT_WORKGROUP (IAM)")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> RedshiftSettings | None:
        """The settings; None where ``LA_REDSHIFT_HOST`` is not set: there is no Redshift."""
        told = os.environ if environ is None else environ
        if not told.get("LA_REDSHIFT_HOST"):
            return None
        return cls(
            host=told["LA_REDSHIFT_HOST"],
            port=int(told.get("LA_REDSHIFT_PORT", 5439)),
            database=told.get("LA_REDSHIFT_DATABASE", "analytics"),
            role=told.get("LA_REDSHIFT_ROLE", "default"),
            secret=told.get("LA_REDSHIFT_SECRET", ""),
            workgroup=told.get("LA_REDSHIFT_WORKGROUP", ""),
            region=aws.region(told),
            secrets_endpoint=told.get("LA_SECRETS_ENDPOINT", ""),
            encrypted=told.get("LA_REDSHIFT_SSL", "yes").lower() not in ("no", "false", "0"),
            patience=float(told.get("LA_REDSHIFT_PATIENCE", 180)),
        )

    @property
    def name(self) -> str:
        """What people call it."""
        return f"Redshift {self.host}/{self.database}"

    @property
    def by_role(self) -> str:
        """The words of COPY and UNLOAD that say with which role they open the bucket."""
        return "IAM_ROLE default" if self.role == "default" else f"IAM_ROLE '{self.role}'"

    def credentials(self) -> dict[str, Any]:
        """Arguments of a connection that say who connects.

        Raises
        ------
        PermissionError
            If the secret cannot be read or holds no username and password; the text names the secret, never what is in it.
        """
        if not self.secret:
            return {"iam": True, "is_serverless": True, "serverless_work_group": self.workgroup, "region": self.region}
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            with _no_debug_log():
                manager = aws.client("secretsmanager", self.region, self.secrets_endpoint)
                told = json.loads(manager.get_secret_value(SecretId=self.secret)["SecretString"])
            return {"user": told["username"], "password": told["password"]}
        except (BotoCoreError, ClientError) as error:
            code = aws.code(error) if isinstance(error, ClientError) else type(error).__name__
            raise PermissionError(
                f"the secret {self.secret} for {self.name} cannot be read ({code}); see that it exists and that the role may read it"
            ) from None
        except (KeyError, TypeError, ValueError):
            raise PermissionError(f"the secret {self.secret} for {self.name} holds no username and password as JSON") from None


@contextmanager
def _no_debug_log() -> Iterator[None]:
    """botocore writes every answer into its debug log; one with a password stays out of it, whatever level somebody has set."""
    log = logging.getLogger("botocore")
    level = log.level
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.setLevel(level)
