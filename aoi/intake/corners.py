"""Corner tables: one corner a row, or all corners of a row's ground in one cell."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from aoi.intake.block import Block, broken
from aoi.intake.rings import Corner, CornerError, corner_of, corners_in, polygon_of
from aoi.intake.sheet import Sheet
from aoi.schema.column import Record
from aoi.schema.headings import columns_in, plain
from aoi.schema.problem import RowProblem, shown

_NORTH = (
    "x",
    "x坐标",
    "坐标x",
    "纵坐标",
    "纵坐标x",
    "x纵坐标",
    "北坐标",
    "北",
    "北坐标x",
    "xnorth",
    "north",
    "n",
    "界址点x",
    "xzb",
)
_EAST = (
    "y",
    "y坐标",
    "坐标y",
    "横坐标",
    "横坐标y",
    "y横坐标",
    "东坐标",
    "东",
    "东坐标y",
    "yeast",
    "east",
    "e",
    "界址点y",
    "yzb",
)
_LATITUDE = ("纬度", "北纬", "lat", "latitude", "wd")
_LONGITUDE = ("经度", "东经", "lon", "lng", "long", "longitude", "jd")
_STRINGS = ("坐标", "拐点坐标", "界址点坐标", "坐标串", "区域坐标", "矿区坐标", "矿区范围坐标", "范围坐标",
            "矿区拐点坐标", "拐点坐标串", "四至坐标", "坐标集", "qyzb", "gdzb", "zbc",
            "fwzb", "zb", "coordinates")  # fmt: skip
_LABELS = ("点号", "界址点号", "拐点号", "拐点编号", "点名", "界址点", "拐点", "dh", "jzdh", "point")
_RINGS = ("圈号", "地块圈号", "环号", "ring", "qh")
_BLOCKS = (
    "地块编号",
    "地块号",
    "地块名称",
    "宗地号",
    "图斑编号",
    "图斑号",
    "地块",
    "区块",
    "dkbh",
    "dkmc",
    "tbbh",
    "block",
)
_IGNORED = ("边长", "备注点", "高程", "h", "z", "间距")


def is_coordinate_heading(heading: str) -> bool:
    """Whether a heading belongs to a corner table."""
    return plain(heading) in {*_NORTH, *_EAST, *_LATITUDE, *_LONGITUDE, *_STRINGS, *_LABELS, *_RINGS, *_BLOCKS}


def blocks_of(sheet: Sheet, record: type[Record]) -> tuple[Block, ...] | None:
    """The ground of a sheet, block by block; None where it has no coordinates.

    Args:
        sheet: with its headings.
        record: the kind's; its number, id or name tells one block from the next where no column is made for that.
    """
    named = {plain(heading): heading for heading in reversed(sheet.headings)}
    pair = _pair(named)
    if pair is not None:
        return tuple(_by_rows(sheet, record, named, pair))
    string = _of(named, _STRINGS)
    if string is not None:
        return tuple(_by_cell(number, row, string) for number, row in sheet.rows)
    return None


def _of(named: Mapping[str, str], names: Sequence[str]) -> str | None:
    return next((named[name] for name in names if name in named), None)


def _pair(named: Mapping[str, str]) -> tuple[str, str] | None:
    """Headings of the northing and the easting, or of latitude and longitude."""
    for first, second in ((_NORTH, _EAST), (_LATITUDE, _LONGITUDE)):
        north, east = _of(named, first), _of(named, second)
        if north is not None and east is not None:
            return north, east
    return None


def _by_cell(number: int, row: Mapping[str, str], heading: str) -> Block:
    properties = {key: value for key, value in row.items() if key != heading}
    text = row.get(heading, "")
    if not text:
        problem = RowProblem(
            "error",
            heading,
            "",
            "has no corners",
            "没有坐标",
            "fill them in or delete the row",
            "请补充坐标或删除该行",
            number,
        )
        return Block(number, None, properties, problems=(problem,))
    try:
        corners = corners_in(text)
        return Block(number, polygon_of(corners.rings), properties, corners.swapped)
    except CornerError as fault:
        return Block(
            number, None, properties, problems=(replace(broken(number, shown(text), *fault.args), field=heading),)
        )


@dataclass
class _Growing:
    """A block whose rows are being gathered."""

    number: int
    properties: dict[str, str] = field(default_factory=dict)
    rings: list[list[Corner]] = field(default_factory=list)
    ring_key: str = ""
    first_label: str = ""
    closed: bool = True
    ways: set[tuple[bool, bool]] = field(default_factory=set)
    swapped_rows: list[int] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)

    def take(self, corner: Corner, label: str, ring_key: str) -> None:
        """Add a corner: to the ring that is open, or to a new one."""
        ring = self.rings[-1] if self.rings and not self.closed else None
        if ring is not None and len(ring) >= 3 and corner == ring[0]:
            self.closed = True
            self.ring_key = ring_key
            return
        again = ring is not None and len(ring) >= 3 and label != "" and label == self.first_label
        if ring is None or again or (ring_key != self.ring_key and ring_key != ""):
            ring = []
            self.rings.append(ring)
            self.first_label, self.closed = label, False
        self.ring_key = ring_key
        ring.append(corner)


def _by_rows(sheet: Sheet, record: type[Record], named: Mapping[str, str], pair: tuple[str, str]) -> Iterator[Block]:
    keys = _keys(sheet, record, named)
    label, ring = _of(named, _LABELS), _of(named, _RINGS)
    apart = {*pair, *filter(None, (label, ring)), *(named[name] for name in _IGNORED if name in named)}
    growing: _Growing | None = None
    current: tuple[str, ...] = ()
    for number, row in sheet.rows:
        key = tuple(row.get(heading, "") for heading in keys)
        if growing is None or (any(key) and _differ(key, current)):
            if growing is not None:
                yield _grown(growing)
            growing, current = _Growing(number), key
        for heading, text in row.items():
            if heading not in apart:
                growing.properties.setdefault(heading, text)
        _take(growing, number, row, pair, row.get(label or "", ""), row.get(ring or "", ""))
    if growing is not None:
        yield _grown(growing)


def _differ(key: tuple[str, ...], current: tuple[str, ...]) -> bool:
    """A blank in a later row is a merged cell: it says the same as the row above."""
    return any(one and one != other for one, other in zip(key, current, strict=True))


def _keys(sheet: Sheet, record: type[Record], named: Mapping[str, str]) -> tuple[str, ...]:
    """Headings whose change begins a new block."""
    own = [named[name] for name in _BLOCKS if name in named]
    columns = columns_in(record, sheet.headings)
    numbers = [columns[name] for name in ("licence", "id") if name in columns]
    return tuple(dict.fromkeys([*own, *numbers])) or tuple(columns[name] for name in ("name",) if name in columns)


def _take(growing: _Growing, number: int, row: Mapping[str, str], pair: tuple[str, str], label: str, ring: str) -> None:
    texts = [row.get(heading, "") for heading in pair]
    if not any(texts):
        return
    try:
        x, y = (_figure(text, heading) for text, heading in zip(texts, pair, strict=True))
        corner, way = corner_of(x, y)
    except CornerError as fault:
        growing.problems.append(replace(broken(number, shown("，".join(texts)), *fault.args), field="，".join(pair)))
        return
    growing.ways.add(way)
    if way[0]:
        growing.swapped_rows.append(number)
    growing.take(corner, label, ring)


def _figure(text: str, heading: str) -> float:
    try:
        return float(text.replace(",", "").replace("，", ""))
    except ValueError as error:
        if text.startswith("="):
            raise CornerError(f"{heading} holds a formula, not a value", f"{heading} 是公式，不是值") from error
        raise CornerError(f"{heading} is not a number", f"{heading} 不是数字") from error


def _grown(growing: _Growing) -> Block:
    problems = list(growing.problems)
    geometry = None
    if len(growing.ways) > 1:
        rows = "、".join(str(number) for number in growing.swapped_rows[:8]) or "?"
        problems.append(
            broken(
                growing.number,
                "",
                f"X and Y change places within the block (they are swapped in row {rows})",
                f"同一地块内 X、Y 前后不一致（第 {rows} 行颠倒）",
            )
        )
    elif not problems:
        try:
            if not growing.rings:
                raise CornerError("has no corners", "没有坐标")
            geometry = polygon_of(growing.rings)
        except CornerError as fault:
            problems.append(broken(growing.number, "", *fault.args))
    swapped = len(growing.ways) == 1 and next(iter(growing.ways))[0]
    return Block(growing.number, geometry, growing.properties, swapped, tuple(problems))
