"""A lead's history as a picture."""

import datetime as dt
import io
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import matplotlib as mpl
from matplotlib import dates, font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from leads.series.indices import BY_NAME
from leads.series.model import History, Sample

_FAMILIES = ("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Noto Sans CJK JP", "WenQuanYi Micro Hei",
             "WenQuanYi Zen Hei", "Microsoft YaHei", "SimHei")  # fmt: skip
"""Fonts with Chinese characters; of a collection file matplotlib knows the first face, which has them all."""

CONDUCT_ZH = "线索的变化区间"

_DATES: Any = dates
"""Its classes have no types."""

_INSIDE, _RING, _APART = "#b3261e", "#2e7d4f", "#1f3a5f"
_CONDUCT, _BREAK = "#e9b44c", "#7d8ca3"


@lru_cache(maxsize=1)
def _family() -> str:
    known = {font.name for font in font_manager.fontManager.ttflist}
    return next((name for name in _FAMILIES if name in known), "DejaVu Sans")


def shown_index(history: History) -> str:
    """The index that is plotted: that of the break, or else the first that was measured."""
    if history.found is not None:
        return history.found.index
    measured = [name for name in BY_NAME if any(math.isfinite(one.apart(name)) for one in history.samples)]
    return measured[0] if measured else "ndvi"


def plot(history: History, last_before: dt.date, first_seen: dt.date, label: str = CONDUCT_ZH) -> bytes:
    """PNG of an index inside the lead and in its ring, and their difference, with both intervals.

    Args:
        history: with at least one sample.
        last_before: the interval of the conduct by the finding.
        first_seen: its end.
        label: what that interval is called.
    """
    index = shown_index(history)
    with mpl.rc_context({"font.family": _family(), "font.size": 9, "axes.unicode_minus": False}):
        figure = Figure(figsize=(7.2, 3.9), dpi=160, layout="constrained")
        top, low = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": (3, 2)})
        for axes in (top, low):
            _spans(axes, history, last_before, first_seen, label)
            axes.grid(visible=True, color="#e3e6ea", linewidth=0.6)
            axes.set_axisbelow(True)
            for side in ("top", "right"):
                axes.spines[side].set_visible(False)
        _line(
            top, history.samples, [one.inside.get(index, math.nan) for one in history.samples], _INSIDE, "图斑内", "o"
        )
        _line(top, history.samples, [one.ring.get(index, math.nan) for one in history.samples], _RING, "周边环带", "s")
        top.set_ylabel(f"{BY_NAME[index].label}\n{BY_NAME[index].zh}")
        _line(low, history.samples, [one.apart(index) for one in history.samples], _APART, "图斑内 − 周边", "o")
        low.axhline(0, color="#9aa3ad", linewidth=0.8)
        low.set_ylabel("差值")
        locator = _DATES.AutoDateLocator(minticks=3, maxticks=9)
        low.xaxis.set_major_locator(locator)
        low.xaxis.set_major_formatter(_DATES.ConciseDateFormatter(locator))
        _margins(low, history.samples, last_before, first_seen)
        handles, labels = top.get_legend_handles_labels()
        more, names = low.get_legend_handles_labels()
        kept = dict(zip([*labels, *names], [*handles, *more], strict=True))
        figure.legend(kept.values(), kept.keys(), loc="outside upper center", ncols=3, frameon=False, fontsize=8)
        return _png(figure)


def _number(day: dt.date) -> float:
    """A day as matplotlib counts it."""
    return float((day - dt.date(1970, 1, 1)).days)


def _spans(axes: Axes, history: History, last_before: dt.date, first_seen: dt.date, label: str) -> None:
    axes.axvspan(_number(last_before), _number(first_seen), color=_CONDUCT, alpha=0.28, linewidth=0, label=label)
    if history.found is not None:
        first, last = _number(history.found.last_before), _number(history.found.first_after)
        axes.axvspan(
            first, last, facecolor="none", edgecolor=_BREAK, hatch="////", linewidth=0.8, label="序列测得的突变区间"
        )


def _line(axes: Axes, samples: Sequence[Sample], values: Sequence[float], colour: str, label: str, mark: str) -> None:
    axes.plot(
        [_number(one.day) for one in samples],
        values,
        color=colour,
        linewidth=0.9,
        marker=mark,
        markersize=3.4,
        label=label,
    )


def _margins(axes: Axes, samples: Sequence[Sample], last_before: dt.date, first_seen: dt.date) -> None:
    days = [_number(day) for day in (samples[0].day, samples[-1].day, last_before, first_seen)]
    edge = max(0.03 * (max(days) - min(days)), 5)
    axes.set_xlim(min(days) - edge, max(days) + edge)


def _png(figure: Figure) -> bytes:
    out = io.BytesIO()
    options: dict[str, Any] = {"metadata": {"Software": None}}  # the same history gives the same bytes
    figure.savefig(out, format="png", **options)
    return out.getvalue()
