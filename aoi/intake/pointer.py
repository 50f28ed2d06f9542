"""A file that names a table of a PostGIS database, ``NAME.postgis.toml``; passwords are none of its business.

::

    kind = "dltb"
    table = "survey.dltb_2024"     # schema and table
    geometry = "geom"              # column, by default geom
    id = "gid"                     # column of whole numbers, by default the primary key's
    status = "official"            # or derived, simulated
    classification = "内部"         # or 公开, 敏感
    [server]                       # what libpq knows: service, or host, port, dbname, user, sslmode
    service = "land"

The password comes from where libpq looks for it: ``~/.pgpass``, a service file, or ``PGPASSWORD``.
"""

import re
import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from aoi.errors import UnreadableVectorError
from aoi.kinds import KINDS

_NAME = re.compile(r"[^\x00\".]{1,63}(\.[^\x00\".]{1,63})?")


class Server(BaseModel):
    """Where the database is; all of it optional, as in libpq."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: str | None = Field(default=None, description="Entry of pg_service.conf")
    host: str | None = Field(default=None, description="Name, address or socket folder of the server")
    port: int | None = Field(default=None, ge=1, le=65535, description="TCP port")
    dbname: str | None = Field(default=None, description="Database")
    user: str | None = Field(default=None, description="Role; one that may only read is enough")
    sslmode: str | None = Field(default=None, description="As libpq has it, such as verify-full")


class Pointer(BaseModel):
    """A table of a PostGIS database, as a layer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str = Field(description="Kind of layer")
    table: str = Field(description="schema.table, or a table on the search path")
    geometry: str = Field(default="geom", description="Column of the geometry")
    id: str | None = Field(default=None, description="Column of whole numbers; the primary key's when left out")
    status: Literal["official", "derived", "simulated"] = Field(default="official", description="What it is")
    classification: Literal["公开", "内部", "敏感"] = Field(default="内部", description="How widely it may be shown")
    server: Server = Field(default=Server(), description="Where it is")

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        if kind not in KINDS:
            raise ValueError(f"kinds are {', '.join(sorted(KINDS))}")
        return kind

    @field_validator("table")
    @classmethod
    def _plain(cls, table: str) -> str:
        if not _NAME.fullmatch(table):
            raise ValueError("write schema.table")
        return table


def read_pointer(path: Path) -> Pointer:
    """The table that a file points to.

    Raises:
        UnreadableVectorError: if it is missing, no TOML, or says something else than it may (a password, say).
    """
    try:
        if path.stat().st_size > 64 << 10:
            raise UnreadableVectorError(f"{path}: too large for a pointer to a PostGIS table")
        told = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UnreadableVectorError(
            f"{path}: can not be read as TOML ({' '.join(str(error).split())[:120]})"
        ) from error
    try:
        return Pointer.model_validate(told)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]  # an input may be a secret
        where = ".".join(str(part) for part in first["loc"])
        why = "passwords stay in ~/.pgpass or PGPASSWORD" if "password" in where else first["msg"]
        raise UnreadableVectorError(f"{path}: {where}: {why}") from None
