"""Papers that belong to one place: permits, approvals, rights and plans, under the column names of offices."""

import datetime as dt

from shapely.geometry.base import BaseGeometry

from imagery.simulated.course import Paper

HOLDER = "模拟数据,非真实权利人"


def site_permit(
    outline: BaseGeometry,
    approved: dt.date,
    expires: dt.date,
    *,
    project: str = "砂石加工",
    ground: str = "草原",
    accepted: dt.date | None = None,
    registered: bool = True,
) -> Paper:
    """A temporary-land permit (临时用地批准).

    On grassland the ground has to be restored on expiry, elsewhere within a year; the row says a year in any case, as
    rows of offices do.
    """
    row = {
        "pzwh": f"模拟临用〔{approved.year}〕{approved:%m%d}号",
        "xmmc": f"模拟临时用地{approved:%Y%m%d}",
        "yddw": HOLDER,
        "pzrq": approved.isoformat(),
        "dqrq": expires.isoformat(),
        "fkqx": (expires + dt.timedelta(days=365)).isoformat(),
        "xmlx": project,
        "zydl": ground,
        "babh": f"SIM{approved:%Y%m%d}" if registered else "无",
    }
    if accepted is not None:
        row["ysrq"] = accepted.isoformat()
    return Paper("temporary_land_permits", row, outline)


def grass_permit(outline: BaseGeometry, approved: dt.date, expires: dt.date | None) -> Paper:
    """A grassland-use approval (草原征占用审核): for a time where it ends, else for good."""
    row = {
        "pzwh": f"模拟草审〔{approved.year}〕{approved:%m%d}号",
        "xmmc": f"模拟用草项目{approved:%Y%m%d}",
        "yddw": HOLDER,
        "pzrq": approved.isoformat(),
        "sylx": "临时占用" if expires else "征收征用使用",
    }
    if expires is not None:
        row["dqrq"] = expires.isoformat()
    return Paper("grassland_use_approvals", row, outline)


def closed_mine(
    outline: BaseGeometry, closed: dt.date, restore_by: dt.date, accepted: dt.date | None = None
) -> tuple[Paper, Paper]:
    """A mining right that has ended, and the plan that says by when its ground is to be restored."""
    number, name = f"SIM-B-{closed:%Y%m%d}", f"模拟闭坑矿{closed:%Y%m%d}"
    right = {
        "xkzh": number,
        "ksmc": name,
        "cqr": HOLDER,
        "yxqq": dt.date(closed.year - 8, 1, 1).isoformat(),
        "yxqz": closed.isoformat(),
        "zt": "闭坑",
        "bkrq": closed.isoformat(),
    }
    plan = {"fabh": f"{number}-XF", "ksmc": name, "zrdw": HOLDER, "xkzh": number, "xfqx": restore_by.isoformat()}
    if accepted is not None:
        plan["ysrq"] = accepted.isoformat()
    return Paper("mining_rights", right, outline), Paper("restoration_plans", plan, outline)


def cutting_licence(outline: BaseGeometry, first: dt.date, last: dt.date) -> Paper:
    """A licence to thin (林木采伐许可证)."""
    row = {
        "cfzh": f"模拟采字〔{first.year}〕{first:%m%d}号",
        "yddw": HOLDER,
        "pzrq": first.isoformat(),
        "cfqsrq": first.isoformat(),
        "cfjzrq": last.isoformat(),
        "cffs": "抚育采伐",
    }
    return Paper("harvest_permits", row, outline)


def forest_permit(outline: BaseGeometry, approved: dt.date, expires: dt.date) -> Paper:
    """A consent to use forest land for a time (使用林地审核同意书)."""
    row = {
        "pzwh": f"模拟林资许准〔{approved.year}〕{approved:%m%d}号",
        "xmmc": f"模拟使用林地项目{approved:%Y%m%d}",
        "yddw": HOLDER,
        "pzrq": approved.isoformat(),
        "dqrq": expires.isoformat(),
        "sylx": "临时使用",
    }
    return Paper("forest_use_permits", row, outline)
