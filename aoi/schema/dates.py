"""Dates as offices write them."""

import calendar
import datetime as dt
import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

UNLIMITED = dt.date.max
"""What 长期 (without end) reads as, so that a comparison with any day comes out right."""

FIRST_YEAR, LAST_YEAR = 1949, 2120
"""Permits outside these years are slips of the pen."""

EXCEL_EPOCH = dt.date(1899, 12, 30)
"""Day 0 of a workbook's serial numbers: Excel takes 1900 for a leap year, so this holds from March 1900 on."""

_EXCEL_SERIALS = (18_264, 80_720)
"""1950-01-01 to 2120-12-31; a number of five digits between them can be nothing else."""

BLANK = frozenset(
    (
        "",
        "-",
        "--",
        "—",
        "——",
        "/",
        "\\",
        "无",
        "空",
        "不详",
        "未知",
        "待定",
        "未填",
        "null",
        "none",
        "nan",
        "nat",
        "n/a",
    )
)
"""What offices write for nothing; compared in lower case."""

_UNLIMITED = frozenset(("长期", "永久", "无限期", "长期有效", "永久有效", "至长期"))

_DIGITS = str.maketrans("〇○零一二三四五六七八九", "000123456789")

_FORMS = (
    re.compile(r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?:[ T].*)?"),
    re.compile(r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?:\.0+)?"),
    re.compile(r"(?P<y>\d{4})年(?P<m>\d{1,2})月(?P<d>\d{1,2})[日号]?"),
)
_MONTHS = re.compile(r"(?P<y>\d{4})[-/.年](?P<m>\d{1,2})月?")
_BETWEEN = re.compile(r"(?:至|到|—+|–|~|～|--+|\s-\s)")
_DAY = r"\d{4}\s*[-/.年]\s*\d{1,2}\s*[-/.月]\s*\d{1,2}\s*日?|\d{8}"


class DateError(ValueError):
    """A text that is no date, or could be several; args are the English and the Chinese sentence."""


@dataclass(frozen=True)
class Day:
    """A day that was read."""

    date: dt.date
    vague: bool = False
    """True where only the month was written; the first or last day of it was taken."""


def read_day(text: str, bound: Literal["first", "last"] = "first") -> Day | None:
    """A day, or None where the text is blank.

    Read are ``2023-06-15``, ``2023/6/15``, ``2023.6.15`` (each with or without a time), ``20230615``,
    ``2023年6月15日``, ``二〇二三年六月十五日``, the serial numbers of Excel, a month
    alone, and 长期 as `UNLIMITED`. What could be two different days (``06/07/2023``, ``23-6-15``) is not guessed.

    Args:
        text: of a cell.
        bound: which day of a month that stands alone: a term begins on its first and ends on its last.

    Raises:
        DateError: if it is no date, or could be several.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    if plain.casefold() in BLANK:
        return None
    if plain in _UNLIMITED:
        return Day(UNLIMITED)
    plain = _arabic(re.sub(r"(?<=[年月])\s+|\s+(?=[年月日])", "", plain))
    for form in _FORMS:
        if found := form.fullmatch(plain):
            return Day(_date(int(found["y"]), int(found["m"]), int(found["d"]), text))
    if found := _MONTHS.fullmatch(plain):
        year, month = int(found["y"]), int(found["m"])
        first = _date(year, month, 1, text)
        return Day(first if bound == "first" else first.replace(day=calendar.monthrange(year, month)[1]), vague=True)
    return Day(_serial(plain, text))


def read_period(text: str) -> tuple[Day | None, Day | None]:
    """Both ends of a term written in one cell, such as ``自2010年1月1日至2030年1月1日``; None for an end not said.

    Raises:
        DateError: if there is something, and it is no term.
    """
    plain = _arabic(unicodedata.normalize("NFKC", text).strip())
    if plain.casefold() in BLANK:
        return None, None
    days = re.findall(_DAY, plain)
    if len(days) == 2:
        first, last = read_day(re.sub(r"\s", "", days[0])), read_day(re.sub(r"\s", "", days[1]), "last")
        return first, last
    if len(days) == 1:
        at = plain.index(days[0])
        endless = any(word in plain for word in _UNLIMITED)
        if endless:
            return read_day(days[0]), Day(UNLIMITED)
        if _BETWEEN.search(plain[:at]) and "自" not in plain[:at]:
            return None, read_day(days[0], "last")
    if plain in _UNLIMITED:
        return None, Day(UNLIMITED)
    raise DateError(f"{text[:40]!r} is not a term of two dates", f"“{text[:40]}”不是起止两个日期")


def read_months(text: str) -> int | None:
    """A length of time in whole months: ``24个月``, ``2年``, ``两年``, ``1年6个月``; None where the text is blank.

    Raises:
        DateError: if it is no length of time.
    """
    plain = unicodedata.normalize("NFKC", text).strip().replace("两", "二").replace("个", "")
    if plain.casefold() in BLANK:
        return None
    plain = _arabic(plain.replace("半", "6月") if plain in ("半年",) else plain).replace("6月年", "6月")
    found = re.fullmatch(r"(?:(\d+(?:\.\d+)?)年)?(?:(\d+)月)?", plain)
    if not found or not plain:
        raise DateError(
            f"{text[:40]!r} is not a length of time in years or months", f"“{text[:40]}”不是以年或月计的期限"
        )
    return round(float(found[1] or 0) * 12) + int(found[2] or 0)


def _arabic(text: str) -> str:
    """Chinese numerals as figures: digit by digit in a year, with 十 in months and days."""
    text = re.sub(r"([一二三四五六七八九])?十([一二三四五六七八九])?", _tens, text)
    return text.translate(_DIGITS)


def _tens(found: re.Match[str]) -> str:
    return str(int((found[1] or "一").translate(_DIGITS)) * 10 + int((found[2] or "〇").translate(_DIGITS)))


def _serial(plain: str, text: str) -> dt.date:
    found = re.fullmatch(r"(\d{5})(?:\.\d+)?", plain)
    if found and _EXCEL_SERIALS[0] <= int(found[1]) <= _EXCEL_SERIALS[1]:
        return EXCEL_EPOCH + dt.timedelta(days=int(found[1]))
    if re.fullmatch(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}.*", plain):
        raise DateError(f"{text[:40]!r} could be several days", f"“{text[:40]}”可能是不同的日期，有歧义")
    raise DateError(f"{text[:40]!r} is not a date", f"“{text[:40]}”不是日期")


def _date(year: int, month: int, day: int, text: str) -> dt.date:
    try:
        found = dt.date(year, month, day)
    except ValueError as error:
        raise DateError(f"{text[:40]!r}: there is no such day", f"“{text[:40]}”：没有这一天") from error
    if year == UNLIMITED.year:
        return UNLIMITED
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise DateError(
            f"{text[:40]!r}: the year must be {FIRST_YEAR} to {LAST_YEAR}",
            f"“{text[:40]}”：年份应在 {FIRST_YEAR} 至 {LAST_YEAR} 之间",
        )
    return found
