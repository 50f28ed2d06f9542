"""What a user may say of a Sentinel Hub source."""

from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from imagery.providers.sh.tiles import HALO_PX

MAX_REQUEST_PX = 2400
"""The service refuses more than 2500 a side."""

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class SentinelHubSettings(BaseModel):
    """One collection of Sentinel Hub or of the Copernicus Data Space."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: Literal["sentinelhub", "cdse"] = Field(
        "cdse", description="sentinelhub: the commercial service; cdse: the Copernicus Data Space Ecosystem."
    )
    collection: Literal["sentinel-2-l2a", "sentinel-2-l1c", "sentinel-1-grd", "landsat-ot-l2"] = Field(
        "sentinel-2-l2a", description="Which imagery, by the service's name of it."
    )
    credentials: str = Field(
        "sentinelhub",
        pattern=r"^[A-Za-z0-9_-]+$",
        description="Where the client id and secret are: WEIXUN_<NAME>_CLIENT_ID and _CLIENT_SECRET, or <name>.toml.",
    )
    base_url: str | None = Field(None, description="Another deployment; https, or http on this machine.")
    token_url: str | None = Field(None, description="Where its tokens are given; https, or http on this machine.")
    max_cloud_pct: float = Field(100, ge=0, le=100, description="Acquisitions with more cloud are not asked for, %.")
    tile_px: int = Field(
        2048,
        ge=256,
        le=MAX_REQUEST_PX - 2 * HALO_PX,
        multiple_of=2,
        description="Edge of the ground one request brings, pixels; another one asks for everything anew.",
    )

    @field_validator("base_url", "token_url")
    @classmethod
    def _safe(cls, url: str | None) -> str | None:
        """Client id and secret go there."""
        if url is None:
            return None
        parts = urlsplit(url)
        if not parts.hostname or parts.username or parts.query or parts.fragment:
            raise ValueError("is not an address like https://host/path without user, query and fragment")
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise ValueError("must begin with https: the client secret goes there")
        return url.rstrip("/")
