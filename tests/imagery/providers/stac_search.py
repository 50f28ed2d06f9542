"""What a STAC API on loopback understands of a search: parameters by POST and GET, and which items they mean."""

import datetime as dt
import json
import re
from typing import Any

import shapely
from shapely.geometry import box, shape


def from_query(query: dict[str, str]) -> dict[str, Any]:
    said: dict[str, Any] = dict(query)
    for name in ("intersects", "query"):
        if name in said:
            said[name] = json.loads(said[name])
    for name in ("collections", "ids"):
        if name in said:
            said[name] = said[name].split(",")
    if "bbox" in said:
        said["bbox"] = [float(part) for part in said["bbox"].split(",")]
    if "sortby" in said:
        said["sortby"] = [
            {"field": part.lstrip("+-"), "direction": "desc" if part.startswith("-") else "asc"}
            for part in said["sortby"].split(",")
        ]
    return said


def to_query(said: dict[str, Any]) -> dict[str, str]:
    query = {}
    for name, value in said.items():
        if name in ("intersects", "query"):
            query[name] = json.dumps(value)
        elif name in ("collections", "ids", "bbox"):
            query[name] = ",".join(map(str, value))
        elif name == "sortby":
            query[name] = ",".join(("-" if s["direction"] == "desc" else "+") + s["field"] for s in value)
        else:
            query[name] = str(value)
    return query


def matches(item: dict[str, Any], said: dict[str, Any]) -> bool:
    properties = item.get("properties") or {}
    if said.get("collections") and item.get("collection") not in said["collections"]:
        return False
    if said.get("ids") and item.get("id") not in said["ids"]:
        return False
    if "datetime" in said and not _within(properties.get("datetime"), said["datetime"]):
        return False
    if not _meets(item, said):
        return False
    for name, test in (said.get("query") or {}).items():
        value = properties.get(name.removeprefix("properties."))
        if value is None or not all(_compare(value, operator, bound) for operator, bound in test.items()):
            return False
    return _filtered(properties, said.get("filter"))


def _meets(item: dict[str, Any], said: dict[str, Any]) -> bool:
    wanted = said.get("intersects") or (said.get("bbox") and shapely.geometry.mapping(box(*said["bbox"])))
    if not wanted or item.get("geometry") is None:
        return True
    bounds = item.get("bbox") or shape(item["geometry"]).bounds
    west, south, east, north = _bounds(json.dumps(wanted))
    if bounds[0] > east or bounds[2] < west or bounds[1] > north or bounds[3] < south:
        return False
    return bool(_prepared(json.dumps(wanted)).intersects(shape(item["geometry"])))


_PREPARED: dict[str, Any] = {}


def _prepared(text: str) -> Any:
    if text not in _PREPARED:
        _PREPARED[text] = shape(json.loads(text))
        shapely.prepare(_PREPARED[text])
    return _PREPARED[text]


def _bounds(text: str) -> tuple[float, float, float, float]:
    return _prepared(text).bounds


def _within(value: Any, interval: str) -> bool:
    if value is None:
        return True  # so that items without a time are listed, as some services do
    first, _, last = interval.partition("/")
    return (
        _instant(first, "0001-01-01T00:00:00Z")
        <= _instant(value, "")
        <= _instant(last or first, "9999-01-01T00:00:00Z")
    )


def _instant(text: str, otherwise: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text if text not in ("", "..") else otherwise)


def _compare(value: Any, operator: str, bound: Any) -> bool:
    if isinstance(bound, str):
        value, bound = _instant(value, ""), _instant(bound, "")
    return {
        "gte": value >= bound, "gt": value > bound, "lte": value <= bound, "lt": value < bound, "eq": value == bound
    }[operator]  # fmt: skip


def _filtered(properties: dict[str, Any], said: Any) -> bool:
    if not said:
        return True
    if isinstance(said, str):
        name, stamp = re.fullmatch(r"(\w+) >= '([^']+)'", said).groups()  # type: ignore[union-attr]
    else:
        assert said["op"] == ">="
        name, stamp = said["args"][0]["property"], said["args"][1]
    return name in properties and _compare(properties[name], "gte", stamp)
