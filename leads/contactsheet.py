"""One page of all leads, before and after side by side: opens in any browser, offline, and prints."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from leads.fields import FIELDS, NOTE, Field
from leads.staging import staged

_SHOWN = (
    "model_zh", "change_zh", "grade", "conf", "date_bef", "seen_first", "looks", "area_mu", "mu_lo", "mu_hi",
    "area_m2", "place", "dms", "layers", "conflict", "layers_no", "licences", "rule_state",
    "rule_note", "known_st", "known_note", "permit_st", "mine_note", "classif", "status", "reason", "remark",
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A lead on the sheet."""

    record: Mapping[str, object]
    """A value for the names in `FIELDS`."""

    before: Path
    after: Path
    """Its pictures, in the sheet's own folder."""


def write_contact_sheet(folder: Path, entries: Sequence[Entry], title: str = "") -> Path:
    """Writes ``index.html`` beside the pictures; needs nothing from elsewhere and runs no script.

    Args:
        folder: of the pictures.
        entries: in the order shown; may be empty, the page then says so.
        title: what was scanned, and when.

    Raises:
        OutputError: if the folder is read-only or the disk is full.
    """
    path = folder / "index.html"
    cards = "\n".join(_card(entry) for entry in entries) or f"<p class=none>{_EMPTY}</p>"
    page = _PAGE.format(title=html.escape(title), count=len(entries), note=html.escape(NOTE), cards=cards)
    with staged(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def _card(entry: Entry) -> str:
    name = html.escape(str(entry.record.get("lead_id") or ""))
    rows = "".join(_row(field, entry.record.get(field.name)) for field in _fields())
    pictures = "".join(
        f'<figure><img loading="lazy" src="{quote(picture.name)}" alt="{name} {word}"></figure>'
        for picture, word in ((entry.before, "前时相 before"), (entry.after, "后时相 after"))
    )
    return f'<article id="{name}"><h2>{name}</h2><div class=pair>{pictures}</div><dl>{rows}</dl></article>'


def _fields() -> list[Field]:
    known = {field.name: field for field in FIELDS}
    return [known[name] for name in _SHOWN if name in known]


def _row(field: Field, value: object) -> str:
    if value is None or value == "":
        return ""
    text = f"{value:,.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    text = next((f"{zh} {en}" for stored, zh, en in field.choices if stored == text), text)
    label = f"{html.escape(field.zh)}<small>{html.escape(field.en)}</small>"
    return f"<div><dt>{label}</dt><dd>{html.escape(text)}</dd></div>"


_EMPTY = (
    "没有线索。这不等于没有变化：请查看 leads.gpkg 的 coverage 图层，了解哪些地方未观测到。<br>"
    "No leads. That does not mean that nothing changed: the layer coverage in leads.gpkg says what was not observed."
)

_PAGE = """<!DOCTYPE html>
<html lang="zh-CN"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src 'self' file:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>卫巡线索 Weixun leads {title}</title>
<style>
body {{ margin: 0 auto; padding: 24px; max-width: 1180px; color: #1d2126; background: #f4f5f6;
  font: 15px/1.5 "Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", sans-serif }}
h1 {{ font-size: 24px; margin: 0 }} h2 {{ font-size: 17px; margin: 0 0 10px; font-variant-numeric: tabular-nums }}
header p {{ margin: 4px 0 20px; color: #5a636e }}
article {{ background: #fff; border: 1px solid #dfe3e7; border-radius: 8px; padding: 16px; margin-bottom: 20px;
  break-inside: avoid }}
.pair {{ display: grid; grid-template-columns: 1fr 1fr; gap: 10px }} figure {{ margin: 0 }}
img {{ width: 100%; display: block; border-radius: 4px; background: #888 }}
dl {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)); gap: 8px 20px; margin: 14px 0 0 }}
dt {{ color: #5a636e; font-size: 13px }} dt small {{ margin-left: 6px; color: #8a929c }} dd {{ margin: 0 }}
.none {{ background: #fff; border: 1px solid #dfe3e7; border-radius: 8px; padding: 24px }}
@media print {{ body {{ background: #fff; padding: 0 }} }}
</style></head><body>
<header><h1>卫巡线索 Weixun leads</h1>
<p>{title} · {count} 条线索 leads · {note}（a lead, not a survey, not a verdict）</p></header>
{cards}
</body></html>
"""
