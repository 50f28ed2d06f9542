"""Columns that SQLite and PostgreSQL hold differently and our code sees alike: ground, moments, JSON."""

import datetime as dt
from typing import Any

import shapely
import sqlalchemy as sa
from geoalchemy2 import Geometry
from geoalchemy2.elements import WKBElement
from shapely.geometry.base import BaseGeometry
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

SRID = 4326

Document = sa.JSON().with_variant(JSONB(), "postgresql")
"""Plain JSON."""


class Ground(TypeDecorator[BaseGeometry]):
    """Geometry in EPSG:4326: WKB in SQLite, PostGIS geometry in PostgreSQL. Coordinates come back bit by bit."""

    impl = sa.LargeBinary
    cache_ok = True
    spatial_index = False
    """GeoAlchemy2 asks when it makes tables."""

    def load_dialect_impl(self, dialect: Dialect | None) -> TypeEngine[Any]:
        """PostGIS' own type where it is. GeoAlchemy2 asks without a dialect while it makes tables."""
        if dialect is None or dialect.name == "sqlite":
            return sa.LargeBinary()
        # the indices are declared with the tables, for both databases in one place
        return dialect.type_descriptor(Geometry("GEOMETRY", srid=SRID, spatial_index=False))

    def process_bind_param(self, value: BaseGeometry | None, dialect: Dialect) -> Any:
        """To the database."""
        if value is None:
            return None
        if dialect.name == "postgresql":
            return WKBElement(shapely.to_wkb(value), srid=SRID)
        return shapely.to_wkb(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> BaseGeometry | None:
        """From the database."""
        if value is None:
            return None
        return shapely.from_wkb(bytes(value.data) if isinstance(value, WKBElement) else bytes(value))


class Moment(TypeDecorator[dt.datetime]):
    """An aware UTC datetime; SQLite forgets the zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """In UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone: moments in the store are UTC")
        value = value.astimezone(dt.UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """In UTC, aware."""
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)
