"""Objects of S3 and of what speaks like it, as signed HTTPS addresses.

Only the signature is botocore's: the bytes come the way all others do, with the same retries, ranges, limits and cache.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from urllib.parse import quote, urlsplit

import boto3  # botocore ships no types
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from imagery.errors import ProviderError
from imagery.remote.secrets import Secret

EXPIRES_S = 3_600
"""How long a signature holds; each request gets a fresh one."""


@dataclass(frozen=True)
class Keys:
    """What signs."""

    access_key: Secret
    secret_key: Secret
    token: Secret | None = None
    """Of temporary keys."""


class S3:
    """Turns ``s3://bucket/key`` into the address that is asked: the ``sign`` of a `Fetcher`. Safe for threads."""

    def __init__(
        self,
        keys: Keys | None = None,
        region: str = "us-west-2",
        endpoint: str | None = None,
        requester_pays: bool = False,
        anonymous: bool = False,
    ) -> None:
        """How to ask.

        Args:
            keys: None = those that the environment, the profile or the machine gives (boto3's own search).
            region: of the bucket; one that is wrong is corrected by what the service answers.
            endpoint: ``https://host`` of a service other than AWS.
            requester_pays: agrees to be charged for the traffic, without which some buckets answer 403.
            anonymous: signs nothing, for public buckets.
        """
        self._keys = keys
        self._endpoint = endpoint.rstrip("/") if endpoint else None
        self._requester_pays = requester_pays
        self._anonymous = anonymous
        self._region = region
        self._regions: dict[str, str] = {}
        self._lock = Lock()
        self._found: Credentials | None = None

    def __call__(self, href: str) -> str:
        """The address to ask for an href; one that is not ``s3://`` stays as it is.

        Raises:
            ProviderError: if it names no object, or there are no keys to sign with.
        """
        if not href.startswith("s3://"):
            return href
        parts = urlsplit(href, allow_fragments=False)
        bucket, key = parts.netloc, parts.path.lstrip("/") + (f"?{parts.query}" if parts.query else "")
        if not bucket or not key:
            raise ProviderError(f"{href} names no object: s3://bucket/key does.")
        region = self._regions.get(bucket, self._region)
        url = self._address(bucket, quote(key, safe="/-_.~"), region)
        if self._anonymous:
            return url
        # In the query, as signed addresses have it: boto3 would sign a header that every client had to send as well.
        request = AWSRequest("GET", url, params={"x-amz-request-payer": "requester"} if self._requester_pays else {})
        S3SigV4QueryAuth(self._credentials(), "s3", region, EXPIRES_S).add_auth(request)
        return str(request.prepare().url)

    def renew(self, url: str, answer: Mapping[str, str]) -> None:
        """Learns the bucket's region from an answer that refused, and forgets keys that were found."""
        region = answer.get("x-amz-bucket-region")
        with self._lock:
            self._found = None
        if region and url.startswith("s3://"):
            self._regions[urlsplit(url).netloc] = region

    def _address(self, bucket: str, key: str, region: str) -> str:
        if self._endpoint:
            return f"{self._endpoint}/{bucket}/{key}"
        host = f"s3.{region}.amazonaws.com"
        # A dot in a bucket's name makes a host that no certificate of AWS covers.
        return f"https://{host}/{bucket}/{key}" if "." in bucket else f"https://{bucket}.{host}/{key}"

    def _credentials(self) -> Credentials:
        if self._keys is not None:
            token = self._keys.token.reveal() if self._keys.token else None
            return Credentials(self._keys.access_key.reveal(), self._keys.secret_key.reveal(), token)
        with self._lock:
            self._found = self._found or boto3.Session().get_credentials()
        if self._found is None:
            raise ProviderError(
                "There are no keys for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, "
                "or say in the source's settings that the bucket is public."
            )
        return self._found.get_frozen_credentials()


def _said_aloud(record: logging.LogRecord) -> bool:
    """Drops what botocore says while debugging: signatures, tokens, and whole answers that hold keys."""
    return record.levelno > logging.DEBUG


for _name in ("auth", "client", "endpoint", "hooks", "httpsession", "parsers", "retryhandler", "credentials", "tokens"):
    logging.getLogger(f"botocore.{_name}").addFilter(_said_aloud)
