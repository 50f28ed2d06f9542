import datetime as dt
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aoi.area import geodesic_area_m2
from aoi.grid import to_crs
from leads.desk.handback import read_inbox
from leads.desk.inbox import Beside
from leads.desk.take import Taken, take_review
from leads.store.records import LeadRecord, OutlineKind
from leads.store.store import Store

WORK = Path(__file__).with_name("desk_in_qgis.py")
AT = dt.datetime(2024, 7, 22, 9, 0, tzinfo=dt.UTC)
BY = (0.0006, 0.0004)
REMARK = "<b>打草场</b> =1+1 \"'\n现场已看"

pytestmark = pytest.mark.qgis


@dataclass(frozen=True)
class Worked:
    """An inbox after an analyst's work in QGIS, and what QGIS said."""

    said: dict[str, Any]
    pictures: Path
    inbox: Path
    store: Store
    leads: list[LeadRecord]
    """In the order of the inbox; the first was reviewed."""

    taken: Taken

    def colour(self, picture: str, place: str) -> np.ndarray:
        with Image.open(self.pictures / f"{picture}.png") as image:
            pixels = np.asarray(image.convert("RGB")).astype(int)
        x, y = (round(value) for value in self.said["to_pixel"][place])
        return pixels[y - 8 : y + 8, x - 8 : x + 8].mean(axis=(0, 1))


@pytest.fixture(scope="module")
def worked(
    qgis_python: str,
    tmp_path_factory: pytest.TempPathFactory,
    sqlite_store: Callable[[], str],
    fill: Callable[..., list[LeadRecord]],
    make_inbox: Callable[..., Path],
    on_ground: Callable[..., Any],
) -> Any:
    store = Store.open(sqlite_store())
    leads = fill(store, 5)
    order = [leads[number] for number in (2, 0, 1, 3, 4)]
    priorities = {lead.id: 90.0 - rank for rank, lead in enumerate(order)}
    inbox = make_inbox(tmp_path_factory.mktemp("收件箱 inbox"), leads, Beside(priorities=priorities))
    pictures = tmp_path_factory.mktemp("pictures")
    part = order[0].geometry.buffer(0.0001).envelope
    west, east = (to_crs(on_ground(x, 600), 4326, 32651).centroid for x in (500, 2100))
    task = {
        "lead": order[0].id,
        "verdict": [["status", "rejected"], ["reason", "mowing"], ["reviewer", "王检"], ["remark", REMARK]],
        "points": {"west": [west.x, west.y], "east": [east.x, east.y]},
        "vertex": 0,
        "by": BY,
        "part": [list(point) for point in part.exterior.coords],
    }
    done = subprocess.run(
        [qgis_python, str(WORK), str(inbox.with_suffix(".qgz")), str(pictures), json.dumps(task)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout.partition("JSON")[2])
    back = Path(shutil.copy(inbox, pictures / "back.gpkg"))
    yield Worked(said, pictures, back, store, order, take_review(store, back, AT))
    store.close()


def test_the_project_opens_whole(worked: Worked) -> None:
    said = worked.said
    assert said["read"]
    assert all(said["valid"].values()), said["valid"]
    assert said["errors"] == []
    assert said["crs"] == "EPSG:32651"
    assert said["editable"] == ["leads", "outlines"]


def test_one_key_swaps_the_image_and_back(worked: Worked) -> None:
    after, before, false = (worked.colour(name, "west") for name in ("after", "before", "false"))
    assert np.linalg.norm(after - before) > 60
    assert np.linalg.norm(after - false) > 60
    for name in ("after_before", "after_false"):
        assert np.allclose(worked.colour(name, "west"), after, atol=2)


def test_where_before_was_not_observed_after_does_not_shine_through(worked: Worked) -> None:
    assert np.ptp(worked.colour("after", "east")) > 10
    assert np.allclose(worked.colour("before", "east"), 110, atol=2)  # the grey of unobserved ground


def test_the_themes_show_the_same(worked: Worked) -> None:
    names = worked.said["themes"]
    shown = {name: worked.colour(f"theme{number}", "west") for number, name in enumerate(names)}
    assert np.allclose(shown["前时相 before"], worked.colour("before", "west"), atol=2)
    assert np.allclose(shown["后时相 after"], worked.colour("after", "west"), atol=2)
    assert np.allclose(shown["假彩色 false colour"], worked.colour("false", "west"), atol=2)
    assert len(names) == 4


def test_next_goes_from_lead_to_lead_by_rank(worked: Worked) -> None:
    ids = [lead.id for lead in worked.leads]
    assert [line.split(" · ")[0] for line in worked.said["listed"]] == ["001", "002", "003", "004", "005"]
    assert worked.said["walked"] == ids[1:]
    assert worked.said["zooms"]
    assert [mark.split(" · ")[1] for mark in worked.said["bookmarks"]] == ids


def test_there_is_a_slot_for_finer_imagery(worked: Worked) -> None:
    assert any(name.startswith("更高分辨率影像 finer imagery") for name in worked.said["groups"])


def test_the_form_hides_the_version_and_opens_only_what_an_analyst_writes(worked: Worked) -> None:
    said = worked.said
    assert said["widgets"]["base_version"] == "Hidden"
    assert said["outline_widgets"]["base_version"] == "Hidden"
    open_ = set(said["widgets"]) - set(said["closed"])
    assert open_ == {"status", "reason", "reviewer", "remark", "area_srv"}
    assert said["aliases"]["rank"] == "序号 Rank"
    assert (said["widgets"]["status"], said["widgets"]["reason"]) == ("ValueMap", "ValueMap")


def test_the_form_refuses_a_rejection_without_a_reason(worked: Worked) -> None:
    assert worked.said["may_save"] == [False, True, True, True]
    assert worked.said["saved"]


def test_a_part_that_is_drawn_anew_finds_its_lead(worked: Worked) -> None:
    assert worked.said["part_belongs_to"] == [worked.leads[0].id, worked.leads[0].version]


def test_all_of_it_is_in_the_store_with_reviewer_and_time(worked: Worked) -> None:
    assert worked.said["moved"]
    assert worked.said["outlines_committed"]
    assert worked.said["leads_committed"]
    first = worked.leads[0]
    assert {row.lead_id: row.kind for row in worked.taken.rows} == {
        lead.id: "applied" if lead is first else "unchanged" for lead in worked.leads
    }
    now = worked.store.lead(first.id)
    assert now is not None
    assert (now.status, now.reason, now.reviewer, now.remark) == ("rejected", "mowing", "王检", REMARK)
    assert worked.store.reviews(first.id)[0].at == AT


def test_the_moved_vertex_and_the_new_part_are_the_analysts_outline(worked: Worked) -> None:
    first = worked.leads[0]
    (drawn,) = (one for one in worked.store.outlines(first.id) if one.kind is OutlineKind.ANALYST)
    corner = first.geometry.exterior.coords[0] if first.geometry.geom_type == "Polygon" else None
    reached = max(point[0] for point in drawn.geometry.envelope.exterior.coords)
    assert corner is None or drawn.geometry.distance(first.geometry) == 0
    assert reached >= first.geometry.bounds[2]
    assert drawn.area_m2 == pytest.approx(geodesic_area_m2(drawn.geometry))
    assert drawn.area_m2 > first.area_m2
    assert drawn.made_by == "王检"


def test_qgis_leaves_no_edit_beside_the_file(worked: Worked) -> None:
    assert [edit.changed for edit in read_inbox(worked.inbox).edits] == [True, False, False, False, False]


def test_the_picture_is_of_a_map(worked: Worked) -> None:
    with Image.open(worked.pictures / "worked.png") as image:
        colours = image.convert("RGB").getcolors(1 << 20)
    assert colours is not None
    assert len(colours) > 200
