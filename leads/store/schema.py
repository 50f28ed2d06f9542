"""Which version of the tables a store has, and bringing it to ours."""

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from leads.store.engine import reading, writing
from leads.store.errors import StoreError, StoreVersionError

VERSION_TABLE = "weixun_version"
REVISIONS = ("0001",)
"""Every version of the tables, oldest first; the last is this program's."""


def bring_up(engine: Engine, name: str, create: bool) -> None:
    """Makes the tables, or brings older ones to this program's version.

    Args:
        engine: of the store.
        name: for messages.
        create: whether an empty database becomes a store.

    Raises:
        StoreError: if it is no store and may not become one.
        StoreVersionError: if a newer program made it.
    """
    with reading(engine, name) as connection:
        if _checked(connection, name, create) == REVISIONS[-1]:
            return
    with writing(engine, name, alone=True) as connection:
        if _checked(connection, name, create) != REVISIONS[-1]:  # another may have been quicker
            _migrate(connection, name)


def version_of(connection: Connection) -> str | None:
    """The version of the tables; None where there are none."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()


def _checked(connection: Connection, name: str, create: bool) -> str | None:
    version = version_of(connection)
    if version is not None and version not in REVISIONS:
        raise StoreVersionError(
            f"{name} was made by a newer Weixun (tables {version}, this program knows up to {REVISIONS[-1]}): "
            "update this program; nothing was changed"
        )
    if version is None:
        foreign = connection.dialect.name == "sqlite" and bool(sa.inspect(connection).get_table_names())
        if foreign:
            raise StoreError(f"{name} is a database of something else: name another file for the store")
        if not create:
            raise StoreError(f"{name} holds no leads yet: a patrol or the demo makes the store")
    return version


def _migrate(connection: Connection, name: str) -> None:
    from alembic import command
    from alembic.config import Config

    if connection.dialect.name == "postgresql" and not _has_postgis(connection):
        raise StoreError(
            f"{name} has no PostGIS: let an administrator run CREATE EXTENSION postgis in it, then try again"
        )
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _has_postgis(connection: Connection) -> bool:
    there = "SELECT count(*) FROM pg_extension WHERE extname = 'postgis'"
    if connection.execute(sa.text(there)).scalar():
        return True
    may = connection.execute(
        sa.text(
            "SELECT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AND "
            "EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'postgis')"
        )
    ).scalar()
    if may:
        connection.execute(sa.text("CREATE EXTENSION postgis"))
    return bool(may)
