"""Where imagery comes from, by name: `sources.toml` in the home, one table for each source."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from imagery.errors import ProviderError
from imagery.providers.sh.settings import SentinelHubSettings
from imagery.providers.stac_config import StacConfig
from imagery.remote.limits import Limits
from pipelines.errors import BadInputError

FILE = "sources.toml"
EXAMPLE = """\
# Sources of imagery for: weixun scan AREA --source NAME (or --source NAME,NAME).
# No secret belongs in this file: see `weixun sources --help`.

cache_gb = 50

# Sentinel-2 without an account
[earth-search]
type = "stac"
profile = "earth-search"

# The Copernicus Data Space. Client id and secret: WEIXUN_CDSE_CLIENT_ID and WEIXUN_CDSE_CLIENT_SECRET in the
# environment, or client_id and client_secret in secrets/cdse.toml beside this file, chmod 600
[cdse]
type = "sentinelhub"
profile = "cdse"
collection = "sentinel-2-l2a"
credentials = "cdse"

[cdse.limits]
concurrency = 4
budget_gb = 20

# Landsat, to fill what Sentinel-2 did not see
[landsat]
type = "stac"
profile = "planetary-computer"
collections = ["landsat-c2-l2"]

# Discs that were indexed with `weixun archive add`
[discs]
type = "local"
archive = "/data/gaofen-archive"
"""
"""What the file looks like."""

GB = 10**9
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,60}$")]


class LimitSettings(BaseModel):
    """How much patience, time and traffic a source gets in a run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    attempts: int = Field(default=5, ge=1, le=20, description="tries of one request that bring nothing")
    timeout_s: float = Field(default=60, gt=0, le=3600, description="seconds that one read may take")
    deadline_s: float = Field(default=900, gt=0, le=86_400, description="seconds for one object with all its tries")
    concurrency: int = Field(default=8, ge=1, le=64, description="objects under way at once")
    budget_gb: float | None = Field(default=None, gt=0, description="gigabytes that one run may fetch")

    def limits(self) -> Limits:
        """As the providers take them."""
        budget = None if self.budget_gb is None else round(self.budget_gb * GB)
        return Limits(self.attempts, self.timeout_s, self.deadline_s, self.concurrency, budget_bytes=budget)


class StacSource(StacConfig):
    """A STAC API."""

    type: Literal["stac"]
    limits: LimitSettings = LimitSettings()


class SentinelHubSource(SentinelHubSettings):
    """Sentinel Hub, or the Copernicus Data Space."""

    type: Literal["sentinelhub"]
    limits: LimitSettings = LimitSettings()


class LocalSource(BaseModel):
    """A local archive under a name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["local"]
    archive: Path


class SimulatedSource(BaseModel):
    """The simulated steppe of the demo, made in the home when it is asked for first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["simulated"]
    seed: int = Field(default=0, ge=0)


SourceConfig = Annotated[StacSource | SentinelHubSource | LocalSource | SimulatedSource, Field(discriminator="type")]
TYPES = ("stac", "sentinelhub", "local", "simulated")
_SOURCES: TypeAdapter[dict[str, SourceConfig]] = TypeAdapter(dict[Name, SourceConfig])


class Sources(BaseModel):
    """Everything that is configured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cache_gb: float = Field(default=50, gt=0, description="size of the cache of fetched imagery, gigabytes")
    named: dict[str, SourceConfig] = {}


def configured(home: Path) -> Sources:
    """The sources of a home; none where there is no file.

    Raises:
        BadInputError: if the file can not be read, or says what no source takes.
    """
    file = home / FILE
    if not file.exists():
        return Sources()
    try:
        said: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
        cache = {"cache_gb": said.pop("cache_gb")} if "cache_gb" in said else {}
        return Sources(named=_SOURCES.validate_python(said), **cache)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{file} can not be read ({error}); make it readable for you") from error
    except tomllib.TOMLDecodeError as error:
        raise BadInputError(f"{file} is not TOML: {error}") from error
    except ValidationError as error:
        # Without what was written there, and not from the error, which knows it: it may be a secret in the wrong file.
        wrong = [_worded(file, one) for one in error.errors(include_input=False, include_url=False)]
    raise BadInputError("; ".join(wrong[:3]))


def _worded(file: Path, error: Mapping[str, Any]) -> str:
    """One thing that is wrong, as the file's author sees it."""
    kind, (name, *rest) = error["type"], [str(part) for part in error["loc"]]
    key = ".".join(rest[1:])  # the first is the type of the source, which pydantic puts there
    where = f"{file}: [{name}]"
    if kind in ("model_attributes_type", "dict_type", "model_type"):
        return f"{file}: {name!r} is no source; write a table [{name}], or cache_gb, the only key beside the sources"
    if kind == "union_tag_not_found":
        return f"{where} names no type; write type = one of {', '.join(TYPES)}"
    if kind == "union_tag_invalid":
        return f"{where} has an unknown type; write one of {', '.join(TYPES)}"
    if kind == "extra_forbidden":
        return f"{where} has a key {key!r} that no source of this type takes; see `weixun sources example`"
    if kind == "string_pattern_mismatch" and "[key]" in rest:
        return f"{file}: {name!r} is no name for a source: up to 60 letters, digits, - and _ are"
    return f"{where} is wrong at {key or 'type'}: {error['msg']}"


def readiness(name: str, config: SourceConfig, home: Path) -> tuple[bool, str]:
    """Whether a source could be asked now, as far as this machine knows, and what it is."""
    from imagery.remote.secrets import credentials

    if isinstance(config, LocalSource):
        there = (config.archive / "catalog.json").is_file()
        return there, str(config.archive) if there else f"{config.archive} is no archive"
    if isinstance(config, SimulatedSource):
        return True, f"simulated steppe, seed {config.seed}"
    wanted: tuple[str, ...]
    if isinstance(config, SentinelHubSource):
        wanted, known_as = ("client_id", "client_secret"), config.credentials
        what = f"{config.profile} {config.collection}"
    else:
        wanted, known_as = config.secret_fields, name
        what = f"{config.url} {', '.join(config.collections)}"
    try:
        if wanted:
            credentials(known_as, wanted, home / "secrets")
    except ProviderError as error:
        return False, str(error)
    return True, what
