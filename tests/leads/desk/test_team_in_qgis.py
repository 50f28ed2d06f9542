import json
import os
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from aoi.classification import Classification
from leads.desk.postgis import ANALYST, prepare
from leads.desk.team import write_team_project
from leads.errors import OutputError
from leads.store.records import LeadRecord, OutlineKind
from leads.store.store import Store

WORK = Path(__file__).with_name("team_in_qgis.py")


def test_a_team_needs_postgresql_and_its_project_holds_no_secret(
    tmp_path: Path, make_lead: Callable[..., LeadRecord], images: dict[str, Path]
) -> None:
    from sqlalchemy.engine import make_url

    lead = make_lead(0)
    with pytest.raises(OutputError, match="needs PostgreSQL"):
        write_team_project(tmp_path, make_url("sqlite:////x"), [lead], {}, lead.geometry, Classification.PUBLIC)
    url = make_url("postgresql+psycopg://chief:geheim@db.local:5433/leads")
    path = write_team_project(tmp_path, url, [lead], images, lead.geometry, Classification.INTERNAL)
    with zipfile.ZipFile(path) as archive:
        text = archive.read("weixun_desk.qgs").decode()
    assert "geheim" not in text
    assert "chief" not in text
    assert "dbname='leads' host='db.local' port='5433'" in text


@pytest.mark.slow
@pytest.mark.qgis
def test_qgis_writes_verdicts_to_live_postgis_and_is_told_when_it_is_late(
    qgis_python: str,
    postgis_store: Callable[[], str],
    fill: Callable[..., list[LeadRecord]],
    images: dict[str, Path],
    tmp_path: Path,
) -> None:
    with Store.open(postgis_store()) as store:
        with store.writing(alone=True) as connection:
            prepare(connection)
            for name in ("qgis_wang", "qgis_li"):
                connection.exec_driver_sql(f"CREATE ROLE {name} LOGIN IN ROLE {ANALYST}")
        leads = fill(store, 3)
        url = store.engine.url
        path = write_team_project(tmp_path, url, leads, images, leads[0].geometry, Classification.INTERNAL)
        other = [
            "psql",
            "-q",
            "-h",
            url.query["host"],
            "-p",
            url.query["port"],
            "-U",
            "qgis_li",
            "-d",
            url.database,
            "-c",
        ]
        done = subprocess.run(
            [qgis_python, str(WORK), str(path), json.dumps(other)],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env={**os.environ, "PGUSER": "qgis_wang"},
        )
        assert done.returncode == 0, done.stderr[-2000:]
        said = json.loads(done.stdout.partition("JSON")[2])
        assert said["read"]
        assert all(said["valid"].values()), said["valid"]
        assert said["editable"] == ["review"]
        assert said["fresh"][0], said["fresh"]
        assert not said["stale"][0]
        assert "changed by somebody else" in said["stale"][1]
        assert said["reloaded"][0], said["reloaded"]
        (event,) = store.reviews(said["lead"])
        assert (event.reviewer, event.status, event.remark, event.source) == (
            "qgis_wang", "confirmed", "现场已看", "postgis",
        )  # fmt: skip
        assert store.outlines(said["lead"])[-1].kind is OutlineKind.ANALYST
        assert [event.reviewer for event in store.reviews(said["other"])] == ["qgis_li", "qgis_wang"]
