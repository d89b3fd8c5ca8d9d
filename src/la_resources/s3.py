"""A storage in S3: settings, one client per process, errors that name the resource and the next step.

One PUT replaces a file; a large one goes in parts and appears when the last is in. What a killed process left of an upload in
parts is found and removed by the next landing (:meth:`S3Storage.tidy`). Requests that fail or are throttled are
repeated with growing, random waits by the client itself. boto3 is imported where it is used: the local environment does without.
"""

from __future__ import annotations

import datetime as dt
import os
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlparse

from la_resources import aws
from la_resources.storage import local_working_folder

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PART_BYTES = 16 * 2**20
"""From this size on a file goes in parts of this size: 10,000 of them, the most there may be, are 160 GB."""
ATTEMPTS = 6
_AT_ONCE = 16
_ABANDONED_AFTER = dt.timedelta(hours=24)
_REFUSED = {
    "403",
    "AccessDenied",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "AuthorizationHeaderMalformed",
}
_MISSING = {"404", "NoSuchKey"}

Encryption = Literal["", "AES256", "aws:kms"]


class StorageError(OSError):
    """S3 did not do what was asked; the text names the resource and the next step, and holds no credentials."""


class RewrittenError(OSError):
    """An object was replaced while it was read."""


@dataclass(frozen=True)
class S3Settings:
    """How S3 is reached; credentials come the ways boto3 knows (role, profile, environment) and are never kept here.

    Attributes
    ----------
    endpoint : str
        ``LA_S3_ENDPOINT``: another place that speaks S3; empty: AWS.
    region : str
        See :func:`la_resources.aws.region`.
    path_style : bool
        ``LA_S3_PATH_STYLE=yes``: the bucket stands in the path, not in the host's name. Always so with an endpoint of one's own.
    encryption : str
        ``LA_S3_ENCRYPTION``: ``AES256``, ``aws:kms``, or empty (the bucket's own default).
    kms_key : str
        ``LA_S3_KMS_KEY``: the key for ``aws:kms``.
    """

    endpoint: str = ""
    region: str = "us-east-1"
    path_style: bool = False
    encryption: Encryption = ""
    kms_key: str = ""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> S3Settings:
        """Read the settings.

        Raises
        ------
        ValueError
            If ``LA_S3_ENCRYPTION`` is none of those there are, or names no key.
        """
        told = os.environ if environ is None else environ
        encryption, key = told.get("LA_S3_ENCRYPTION", ""), told.get("LA_S3_KMS_KEY", "")
        if encryption not in ("", "AES256", "aws:kms"):
            raise ValueError(f"LA_S3_ENCRYPTION={encryption!r} is not an encryption; choose AES256 or aws:kms, or leave it out")
        if (encryption == "aws:kms") != bool(key):
            raise ValueError("LA_S3_ENCRYPTION=aws:kms and LA_S3_KMS_KEY belong together: set both, or neither")
        endpoint = told.get("LA_S3_ENDPOINT", "")
        return cls(
            endpoint=endpoint,
            region=aws.region(told),
            path_style=bool(endpoint) or told.get("LA_S3_PATH_STYLE", "").lower() in ("yes", "true", "1"),
            encryption=encryption,  # type: ignore[arg-type]  # one of them, as was seen
            kms_key=key,
        )

    @property
    def at_rest(self) -> dict[str, str]:
        """Arguments of an upload that say how the object is encrypted."""
        if not self.encryption:
            return {}
        return {"ServerSideEncryption": self.encryption} | ({"SSEKMSKeyId": self.kms_key} if self.kms_key else {})


@cache
def client(settings: S3Settings) -> S3Client:
    """The one client of this process; safe to use from several threads."""
    import boto3
    from botocore.config import Config

    made: S3Client = boto3.session.Session().client(
        "s3",
        region_name=settings.region,
        endpoint_url=settings.endpoint or None,
        config=Config(
            retries={"mode": "standard", "max_attempts": ATTEMPTS},
            s3={"addressing_style": "path" if settings.path_style else "auto"},
            connect_timeout=10,
            read_timeout=60,
            max_pool_connections=32,
        ),
    )
    return made


@contextmanager
def explained(doing: str, bucket: str, settings: S3Settings) -> Iterator[None]:
    """Turn what boto3 raises into an error that a person can act on.

    Raises
    ------
    FileNotFoundError
        If the object is not there.
    StorageError
        For everything else.
    """
    from boto3.exceptions import S3UploadFailedError
    from botocore.exceptions import BotoCoreError, ClientError

    where = f" at {settings.endpoint}" if settings.endpoint else ""
    try:
        yield
    except ClientError as error:
        raise _told(error, doing, bucket, where) from error
    except S3UploadFailedError as error:
        cause = error.__context__
        raise (_told(cause, doing, bucket, where) if isinstance(cause, ClientError) else StorageError(f"{doing}: {error}")) from error
    except BotoCoreError as error:
        next_step = f"see whether S3{where} can be reached, then run this again: what stood before stands"
        raise StorageError(f"{doing}: {aws.unanswered(error, next_step)}") from error


def _told(error: Any, doing: str, bucket: str, where: str) -> OSError:
    code = aws.code(error)
    if code in _MISSING:
        return FileNotFoundError(f"{doing}: not there")
    if code == "NoSuchBucket":
        return StorageError(f"{doing}: there is no bucket {bucket}{where}; create it, or correct the root that names it")
    if code in _REFUSED:
        return StorageError(
            f"{doing}: S3{where} refused the credentials for bucket {bucket} ({code}); see that the role may list, read, write and "
            "delete below this prefix, and that its keys are valid"
        )
    if code == "PreconditionFailed":
        return RewrittenError(f"{doing}: it was replaced while it was read; run this again")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
    return StorageError(
        f"{doing}: S3{where} answered {code} ({status}) in {ATTEMPTS} attempts; run this again when it is well: what stood before stands"
    )


class S3Storage:
    """Everything below ``s3://bucket/prefix``.

    Parameters
    ----------
    url : str
        ``s3://bucket`` or ``s3://bucket/prefix``.
    settings : S3Settings, optional
        By default those of the environment.

    Raises
    ------
    ValueError
        If the URL names no bucket.
    """

    def __init__(self, url: str, settings: S3Settings | None = None) -> None:
        parts = urlparse(url)
        if parts.scheme != "s3" or not parts.netloc:
            raise ValueError(f"{url}: an S3 root is s3://bucket or s3://bucket/prefix")
        self.bucket = parts.netloc
        self.prefix = parts.path.strip("/")
        self.settings = settings or S3Settings.from_environment()

    @property
    def root(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    @property
    def working_folder(self) -> Path:
        return local_working_folder()

    @property
    def reading(self) -> dict[str, Any]:
        options: dict[str, Any] = {"aws_region": self.settings.region, "max_retries": ATTEMPTS}
        if self.settings.endpoint:
            options |= {"aws_endpoint_url": self.settings.endpoint}
        if self.settings.endpoint.startswith("http://"):
            options |= {"aws_allow_http": "true"}
        options |= {"aws_virtual_hosted_style_request": "false" if self.settings.path_style else "true"}
        return {"storage_options": options}

    @property
    def client(self) -> S3Client:
        return client(self.settings)

    def key(self, path: str) -> str:
        """The object key of a path."""
        return f"{self.prefix}/{path}".strip("/")

    def location(self, path: str) -> str:
        return f"s3://{self.bucket}/{self.key(path)}"

    def explained(self, doing: str, path: str) -> Any:
        return explained(f"{doing} {self.location(path)}", self.bucket, self.settings)

    def folders(self, path: str) -> list[str]:
        return sorted(
            found["Prefix"].rstrip("/").rpartition("/")[2] for page in self._pages(path) for found in page.get("CommonPrefixes", [])
        )

    def names(self, path: str) -> list[str]:
        """Names of the files in a folder, in order.

        Raises
        ------
        StorageError
            If one has no bytes: none is ever written so, and what reads it could not say which it was.
        """
        found = self.sizes(path)
        if empty := sorted(name for name, size in found.items() if not size):
            raise StorageError(
                f"{self.location(f'{path}/{empty[0]}')} is empty, which no write of this project leaves; remove it, and materialise its "
                "school year again"
            )
        return sorted(found)

    def sizes(self, path: str) -> dict[str, int]:
        inside = f"{self.key(path)}/".lstrip("/")
        found = {each["Key"][len(inside) :]: each["Size"] for page in self._pages(path) for each in page.get("Contents", [])}
        return {name: size for name, size in found.items() if name}

    def _pages(self, path: str) -> Iterator[Any]:
        with self.explained("listing", path):
            pages = self.client.get_paginator("list_objects_v2")
            yield from pages.paginate(Bucket=self.bucket, Prefix=f"{self.key(path)}/".lstrip("/"), Delimiter="/")

    def size(self, path: str) -> int:
        with self.explained("looking at", path):
            return int(self.client.head_object(Bucket=self.bucket, Key=self.key(path))["ContentLength"])

    def get(self, path: str) -> bytes:
        with self.explained("reading", path):
            return self.client.get_object(Bucket=self.bucket, Key=self.key(path))["Body"].read()

    def fetch(self, path: str, folder: Path) -> Path:
        target = folder / uuid.uuid4().hex
        with self.explained("reading", path):
            self.client.download_file(self.bucket, self.key(path), str(target))
        return target

    def put(self, content: bytes, path: str, *, durable: bool = False, closed: str = "") -> None:
        with self.explained("writing", path):
            self.client.put_object(Bucket=self.bucket, Key=self.key(path), Body=content, **self.settings.at_rest)

    def get_all(self, folder: str, suffix: str) -> dict[str, bytes]:
        def content(name: str) -> bytes | None:
            try:
                return self.get(f"{folder}/{name}")
            except FileNotFoundError:
                return None

        names = [name for name in self.names(folder) if name.endswith(suffix)]
        with ThreadPoolExecutor(_AT_ONCE, "receipts") as threads:
            return {name: found for name, found in zip(names, threads.map(content, names), strict=True) if found is not None}

    def put_file(self, staged: Path, path: str, *, closed: str = "") -> None:
        from boto3.s3.transfer import TransferConfig

        parts = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=4)
        with self.explained("writing", path):
            self.client.upload_file(str(staged), self.bucket, self.key(path), ExtraArgs=self.settings.at_rest, Config=parts)

    def remove(self, path: str) -> bool:
        with self.explained("removing", path):
            try:
                self.size(path)
            except FileNotFoundError:
                return False
            self.client.delete_object(Bucket=self.bucket, Key=self.key(path))
            return True

    def tidy(self, older_than: dt.timedelta = _ABANDONED_AFTER) -> list[str]:
        """Abort uploads in parts that nobody finishes any more; the keys they were for.

        Their parts are stored, and paid for, though no listing of the bucket shows them. A lifecycle rule of the bucket does the same
        where there is one.
        """
        limit = dt.datetime.now(dt.UTC) - older_than
        aborted = []
        with self.explained("looking for abandoned uploads below", ""):
            for page in self.client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket, Prefix=self.prefix):
                for upload in page.get("Uploads", []):
                    if upload["Initiated"] <= limit:
                        self.client.abort_multipart_upload(Bucket=self.bucket, Key=upload["Key"], UploadId=upload["UploadId"])
                        aborted.append(upload["Key"])
        return aborted
