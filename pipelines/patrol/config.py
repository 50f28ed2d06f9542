"""`patrol.toml`: which areas are watched, when, with what, and who is told."""

import datetime as dt
import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pipelines.errors import BadInputError
from pipelines.request import Method

FILE = "patrol.toml"
_FROZEN = ConfigDict(frozen=True, extra="forbid")
_DAY = re.compile(r"(\d\d)-(\d\d)")


def _season(text: str) -> str:
    """A span of the year, as ``06-11/08-31``."""
    days = [_DAY.fullmatch(part.strip()) for part in text.split("/")]
    if len(days) != 2 or not all(days):
        raise ValueError("write a span of the year as MONTH-DAY/MONTH-DAY, for example 06-11/08-31")
    first, last = (dt.date(2024, int(day[1]), int(day[2])) for day in days if day)
    if last < first:
        raise ValueError("a span must not cross the end of the year; write two")
    return text


def _cron_field(text: str, most: int) -> bool:
    """Whether a field of a cron is numbers, spans and steps up to a limit, or names of months and days."""
    if not re.fullmatch(r"(\*|\w+(-\w+)?)(/\d+)?(,(\*|\w+(-\w+)?)(/\d+)?)*", text):
        return False
    return all(int(number) <= most for number in re.findall(r"(?<![/\w])\d+|(?<=-)\d+", text))


Season = Annotated[str, AfterValidator(_season)]


class Watch(BaseModel):
    """One area under patrol."""

    model_config = _FROZEN

    aoi: str = Field(description="id, file, or lon,lat,radius_m")
    archive: Path | None = Field(default=None, description="local archive; relative to the file of the configuration")
    source: str = Field(default="", description="names of sources.toml with commas between, instead of an archive")
    detectors: tuple[str, ...] = Field(default=(), description="ids; none = all")
    layers: Path | None = Field(default=None, description="statutory layers; none = those that the home keeps")
    layers_status: Literal["official", "derived", "simulated"] = "official"
    every_nights: int = Field(default=1, ge=1, le=60, description="looked at every so many nights")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.archive is None) == (not self.source):
            raise ValueError("name the imagery with either archive or source")
        return self

    def due(self, night: dt.date) -> bool:
        """Whether it is this area's turn."""
        return night.toordinal() % self.every_nights == 0


class Before(BaseModel):
    """What a new look is held against: the same season of earlier years."""

    model_config = _FROZEN

    seasons: tuple[Season, ...] = Field(
        default=("04-15/06-10", "06-11/08-31", "09-01/10-31"),
        min_length=1,
        description="spans of the year; outside of them nothing is looked at. A before composite is of one span",
    )
    years: int = Field(default=2, ge=1, le=10, description="earlier years whose scenes may be used")
    scenes: int = Field(default=6, ge=1, le=50, description="scenes of them for each place: least cloud, then newest")


class After(BaseModel):
    """Which scenes a night takes."""

    model_config = _FROZEN

    first_days: int = Field(default=30, ge=0, le=300, description="days that the first patrol of an area looks back")
    late_days: int = Field(default=21, ge=0, le=300, description="days after which a scene that comes late is left")
    min_clear: float = Field(default=0.01, ge=0, lt=1, description="least share of a block that must be clear, 0–1")
    retry_nights: int = Field(default=3, ge=1, le=30, description="nights on which an unreadable scene is tried again")


class Schedule(BaseModel):
    """When `weixun patrol serve` starts a patrol."""

    model_config = _FROZEN

    cron: str = Field(default="30 2 * * *", description="minute hour day month weekday")
    timezone: str = Field(default="Asia/Shanghai", description="of the cron, and of what day a night is")

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"no time zone {name!r}; write one like Asia/Shanghai") from error
        return name

    @field_validator("cron")
    @classmethod
    def _five(cls, text: str) -> str:
        limits = (59, 23, 31, 12, 7)
        fields = text.split()
        if len(fields) != 5 or not all(map(_cron_field, fields, limits)):
            raise ValueError("no cron of five fields: minute hour day month weekday, for example 30 2 * * *")
        return text

    def tonight(self, now: dt.datetime | None = None) -> dt.date:
        """The date of the night that it is."""
        return (now or dt.datetime.now(dt.UTC)).astimezone(ZoneInfo(self.timezone)).date()


class Budget(BaseModel):
    """How much an analyst can read."""

    model_config = _FROZEN

    weekly: int = Field(default=10, ge=0, le=10_000, description="leads a week that come to the desk")


class Webhook(BaseModel):
    """A JSON note to a service of the office. A token: WEIXUN_WEBHOOK_TOKEN or secrets/webhook.toml."""

    model_config = _FROZEN

    url: str = Field(pattern=r"^https?://", description="where the note is posted")
    token: bool = Field(default=False, description="whether it is sent with a bearer token")
    timeout_s: float = Field(default=10, gt=0, le=120)


class Mail(BaseModel):
    """A mail each morning. User and password: WEIXUN_SMTP_USER, WEIXUN_SMTP_PASSWORD or secrets/smtp.toml."""

    model_config = _FROZEN

    host: str
    port: int = Field(default=587, ge=1, le=65_535)
    security: Literal["starttls", "tls", "none"] = Field(default="starttls", description="none: loopback or never")
    login: bool = Field(default=True, description="whether the server wants user and password")
    sender: str = Field(pattern=r"^[^@\s]+@[^@\s]+$")
    to: tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")], ...] = Field(min_length=1)
    timeout_s: float = Field(default=20, gt=0, le=120)


class Notify(BaseModel):
    """Who is told in the morning."""

    model_config = _FROZEN

    webhook: Webhook | None = None
    mail: Mail | None = None
    pdf: bool = Field(default=True, description="whether the bulletin is printed as PDF too")


class Alarms(BaseModel):
    """What is unusual: a broken night looks like a quiet one or like a flood."""

    model_config = _FROZEN

    no_scene_days: int = Field(default=7, ge=1, le=365, description="days without a scene over an area")
    coverage_falls: float = Field(default=0.5, gt=0, le=1, description="share of the usual coverage that is too little")
    leads_factor: float = Field(default=4, gt=1, description="new leads beyond so many times the usual are a flood")
    nights: int = Field(default=30, ge=3, le=400, description="nights that say what is usual")


class Keep(BaseModel):
    """How long things are kept. Evidence, store and inboxes are never removed."""

    model_config = _FROZEN

    blocks_days: int = Field(default=3, ge=1, le=400, description="finished blocks, for a restart")
    before_days: int = Field(default=120, ge=1, le=1000, description="before composites and normals since last used")
    results_days: int = Field(default=120, ge=1, le=10_000, description="images of a night; its leads are evidence")
    logs_days: int = Field(default=400, ge=1, le=10_000)
    min_free_gb: float = Field(default=5, ge=0, description="free disk below which no night is begun")


BLOCK_PX = 2048
"""A patrol's blocks have twice the edge of a scan's: of what is worked then 31 % is halo, not half."""


class Work(BaseModel):
    """How the work is done. It decides speed and memory, never a lead."""

    model_config = _FROZEN

    workers: int = Field(default=2, ge=1, le=256, description="blocks worked at a time")
    method: Method = Field(default="auto", description="auto, network or training-free")
    block_px: int = Field(
        default=BLOCK_PX, ge=128, le=4096, description="edge of a block in pixels: 1024 wants 4 GB of memory, 2048 7 GB"
    )
    dask: str = Field(default="", description="address of a Dask scheduler, tcp://host:port; empty = threads")
    metrics_port: int = Field(default=0, ge=0, le=65_535, description="Prometheus on loopback; 0 = off")


class PatrolConfig(BaseModel):
    """Everything that a patrol is told."""

    model_config = _FROZEN

    watch: tuple[Watch, ...] = Field(min_length=1, description="areas under patrol")
    before: Before = Before()
    after: After = After()
    schedule: Schedule = Schedule()
    budget: Budget = Budget()
    notify: Notify = Notify()
    alarms: Alarms = Alarms()
    keep: Keep = Keep()
    work: Work = Work()

    @model_validator(mode="after")
    def _once(self) -> Self:
        names = [watch.aoi for watch in self.watch]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"the area {twice[0]!r} is watched twice; name several detectors in one [[watch]]")
        return self

    @property
    def sha256(self) -> str:
        """Of what decides the leads: neither schedule, notices nor speed. No path of this machine is in it."""
        said = self.model_dump(mode="json", include={"before", "after", "watch"})
        for watch in said["watch"]:
            watch |= {key: Path(watch[key]).name for key in ("archive", "layers") if watch[key]}
        said["method"] = self.work.method
        return hashlib.sha256(repr(sorted(said.items())).encode()).hexdigest()


def read_config(path: Path) -> PatrolConfig:
    """The configuration in a file; relative paths in it are beside it.

    Raises:
        BadInputError: if it can not be read or says what it can not; names each line or key.
    """
    try:
        text = path.read_text(encoding="utf-8")
        config = PatrolConfig.model_validate(tomllib.loads(text))
    except OSError as error:
        why = error.strerror or error
        raise BadInputError(f"{path} can not be read ({why}); `weixun patrol example` prints one") from error
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path} is not UTF-8 text; `weixun patrol example` prints one") from error
    except tomllib.TOMLDecodeError as error:
        raise BadInputError(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        wrong = [_worded(text, one) for one in _told(error.errors(include_input=False, include_url=False))]
        raise BadInputError(f"{path}: {'; '.join(wrong[:3])}") from error
    folder = path.resolve().parent
    return config.model_copy(update={"watch": tuple(_beside(watch, folder) for watch in config.watch)})


def _beside(watch: Watch, folder: Path) -> Watch:
    """Paths as seen from the file's folder; an AOI that is a file there as well."""
    placed: dict[str, Any] = {
        key: folder / value.expanduser() for key in ("archive", "layers") if (value := getattr(watch, key)) is not None
    }
    if re.search(r"\.\w+$", watch.aoi) and (folder / watch.aoi).is_file():
        placed["aoi"] = str(folder / watch.aoi)
    return watch.model_copy(update=placed)


def _told(errors: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Without those that only follow from others: a list whose entries are all wrong is not also too short."""
    places = [tuple(error["loc"]) for error in errors]
    return [
        error
        for error in errors
        if error["type"] != "too_short"
        or not any(place[: len(error["loc"])] == tuple(error["loc"]) < place for place in places)
    ]


def _worded(text: str, error: Mapping[str, Any]) -> str:
    """One thing that is wrong, with its table, its key and where the file has it."""
    place, message = error["loc"], str(error["msg"]).removeprefix("Value error, ")
    names = [str(part) for part in place if not isinstance(part, int)]
    numbers = [part for part in place if isinstance(part, int)]
    table = names[0] if names else ""
    shown = f"[[watch]] number {numbers[0] + 1}" if table == "watch" and numbers else f"[{table}]" if table else "it"
    key = ".".join(names[1:])
    line = _line(text, table, key.rpartition(".")[2], numbers[0] if table == "watch" and numbers else 0)
    if error["type"] == "extra_forbidden":
        said = f"{key or table!r} is not known there"
    else:
        said = f"{key}: {message}" if key else message
    return f"{f'line {line}, ' if line else ''}{shown}: {said}"


def _line(text: str, table: str, key: str, number: int) -> int:
    """Where a key of a table is in the file, from 1; 0 where that is not to be found."""
    inside, count, begins = False, -1, 0
    for line, said in enumerate(text.splitlines(), start=1):
        if head := re.match(r"\s*\[+\s*([\w.]+)\s*\]+", said):
            inside = head[1].partition(".")[0] == table
            count += inside
            begins = line if inside and max(count, 0) >= number and not begins else begins
        elif inside and key and (count == number or table != "watch") and re.match(rf"\s*{re.escape(key)}\s*=", said):
            return line
    return begins
