"""How a STAC service is described in the configuration, and the ones that are known by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from imagery.scene import BANDS

ProfileName = Literal["", "earth-search", "planetary-computer", "copernicus"]
Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]


@dataclass(frozen=True)
class Profile:
    """A service that is known."""

    url: str
    collections: tuple[str, ...]
    sign_url: str = ""
    """Where tokens for its storage are given out."""

    sign_hosts: str = ""
    """How names of hosts end that want such tokens."""

    s3_endpoint: str = ""
    """Of its own object storage, which wants keys; empty = Amazon's."""


PROFILES: Mapping[str, Profile] = {
    "earth-search": Profile("https://earth-search.aws.element84.com/v1", ("sentinel-2-l2a",)),
    "planetary-computer": Profile(
        "https://planetarycomputer.microsoft.com/api/stac/v1",
        ("sentinel-2-l2a",),
        "https://planetarycomputer.microsoft.com/api/sas/v1/token",
        ".blob.core.windows.net",
    ),
    "copernicus": Profile(
        "https://stac.dataspace.copernicus.eu/v1",
        ("sentinel-2-l2a",),
        s3_endpoint="https://eodata.dataspace.copernicus.eu",
    ),
}


class StacConfig(BaseModel):
    """One STAC service as a source of scenes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: ProfileName = Field(default="", description="a known service; what is given below replaces what it says")
    url: str = Field(default="", max_length=500, description="root of the STAC API, https")
    collections: tuple[Text, ...] = Field(default=(), max_length=10, description="ids of collections at the service")
    bands: tuple[Text, ...] = Field(default=BANDS, description="common names of the bands that are fetched")
    hosts: tuple[Text, ...] = Field(
        default=(), description="hosts or buckets that assets may lie on; .example.org = all of it; empty = any public"
    )
    sign_url: str = Field(default="", max_length=500, description="where tokens to sign hrefs with are given out")
    sign_hosts: str = Field(default="", max_length=200, description="how names of hosts end that want such tokens")
    s3_endpoint: str = Field(default="", max_length=500, description="of object storage that is not Amazon's, https")
    s3_region: str = Field(default="us-west-2", max_length=50, description="of the buckets that assets lie in")
    requester_pays: bool = Field(default=False, description="agrees to be charged for traffic from buckets that ask it")
    credentials: Literal["none", "bearer", "s3", "aws"] = Field(
        default="none",
        description="what the storage wants: a bearer token, keys of its own, or those that this machine has for AWS",
    )

    @property
    def secret_fields(self) -> tuple[str, ...]:
        """Fields to ask `imagery.remote.secrets.credentials` for."""
        return {"bearer": ("token",), "s3": ("access_key", "secret_key")}.get(self.credentials, ())

    @model_validator(mode="before")
    @classmethod
    def _from_profile(cls, said: Any) -> Any:
        if not isinstance(said, dict) or (profile := PROFILES.get(str(said.get("profile") or ""))) is None:
            return said
        known = {
            "url": profile.url, "collections": profile.collections, "sign_url": profile.sign_url,
            "sign_hosts": profile.sign_hosts, "s3_endpoint": profile.s3_endpoint,
            "credentials": "s3" if profile.s3_endpoint else "none",
        }  # fmt: skip
        return {**known, **said}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.url or not self.collections:
            raise ValueError("url and collections are needed, or a profile")
        for url in (self.url, self.sign_url, self.s3_endpoint):
            parts = urlsplit(url)
            loopback = parts.hostname in ("127.0.0.1", "localhost", "::1")
            if url and (not parts.hostname or parts.username or (parts.scheme != "https" and not loopback)):
                raise ValueError(f"{parts.hostname or 'a URL'} must be asked by https, without a user name in the URL")
        if bool(self.sign_url) != bool(self.sign_hosts):
            raise ValueError("sign_url and sign_hosts belong together")
        return self
