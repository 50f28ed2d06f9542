"""What a site's papers say of days: only as much as a watch needs to know whether to look at all.

The law's own clocks are in `leads.permits`, above this package; a test holds both to the same answers.
"""

import calendar
import datetime as dt
from collections.abc import Mapping

from detectors.core.history import Site


def day_of(attributes: Mapping[str, str], name: str) -> dt.date | None:
    """A day as `aoi.schema` writes it (ISO 8601); None where it is blank or no such day."""
    try:
        return dt.date.fromisoformat(attributes.get(name, "").strip())
    except ValueError:
        return None


def written(attributes: Mapping[str, str], name: str) -> bool:
    """Whether anything stands in a field, readable or not."""
    return bool(attributes.get(name, "").strip())


def add_months(day: dt.date, months: int) -> dt.date:
    """The last day of a term of months that begins with a day (民法典 arts 201–202), as `leads.clock` counts it."""
    index = day.year * 12 + day.month - 1 + months
    year, month = index // 12, index % 12 + 1
    if year > dt.MAXYEAR or day == dt.date.max:
        return dt.date.max
    return dt.date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def looked_at(site: Site) -> dt.date:
    """The day for which the papers count: that of the last look asked for, or today where that lies ahead."""
    return min(site.today, site.after[1])


def term_end(attributes: Mapping[str, str]) -> dt.date | None:
    """Last day of a permit's term, extension included; None where it is not said or can not be read."""
    expires, extended = day_of(attributes, "expires"), day_of(attributes, "extended")
    if any(written(attributes, name) and day is None for name, day in (("expires", expires), ("extended", extended))):
        return None
    approved, months = day_of(attributes, "approved"), attributes.get("term_months", "").strip()
    if expires is None and approved is not None and months.isdigit():
        expires = add_months(approved, int(months))
    ends = max((day for day in (expires, extended) if day is not None), default=None)
    return None if approved is not None and ends is not None and ends < approved else ends


def reclaim_by(attributes: Mapping[str, str]) -> dt.date | None:
    """Last day on which a temporary site had to be given back: a year after its term, on grassland at its end.

    The permit's own day counts where it is earlier than the law's. None where the term's end is not known.
    """
    ends = term_end(attributes)
    if ends is None:
        return None
    ground = attributes.get("ground", "").casefold()
    lawful = ends if "草" in ground or "grass" in ground else add_months(ends, 12)
    own = day_of(attributes, "reclaim_by")
    return lawful if own is None or own < ends else min(lawful, own)


def accepted(site: Site) -> bool:
    """Whether somebody accepted the ground as restored, by the papers of today."""
    day = day_of(site.attributes, "accepted")
    return day is not None and day <= site.today


def handed_over(attributes: Mapping[str, str], day: dt.date) -> bool:
    """Whether a permit's ground was its holder's on a day: approved by then, and not yet accepted as given back.

    A day of approval that is not written counts as long ago: the permit is there.
    """
    approved, back = day_of(attributes, "approved"), day_of(attributes, "accepted")
    return (approved is None or approved <= day) and (back is None or back > day)
