"""Tables of a PostGIS server: a private one on a socket, where Debian's PostgreSQL and PostGIS are installed."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from shapely.geometry import box

psycopg = pytest.importorskip("psycopg", reason="needs psycopg (pip install psycopg[binary])")

from aoi.area import geodesic_area_m2  # noqa: E402 – after the skip
from aoi.errors import UnreadableVectorError  # noqa: E402
from aoi.intake.store import add_layer  # noqa: E402
from aoi.layers import crossings, open_layers, stored_layers  # noqa: E402

PATCH = box(119.70, 49.30, 119.71, 49.31)
BIN = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture(scope="module")
def server(missing):
    if not (BIN / "initdb").exists() or not Path("/usr/share/postgresql/15/extension/postgis.control").exists():
        missing("needs PostgreSQL 15 with PostGIS: apt-get install postgresql-15-postgis-3")
    folder = Path(tempfile.mkdtemp(prefix="weixun-pg-"))  # pytest's own folders are for one user only
    as_user = []
    if os.geteuid() == 0:  # PostgreSQL will not run as root
        if shutil.which("runuser") is None:
            missing("PostgreSQL does not run as root, and runuser is not here")
        folder.chmod(0o755)
        os.makedirs(folder / "own")
        shutil.chown(folder / "own", "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]
        if subprocess.run([*as_user, "test", "-w", str(folder / "own")], check=False).returncode:
            missing("the postgres user can not reach the tests' temporary folder")
    else:
        (folder / "own").mkdir()
    data = folder / "own" / "data"
    user = "postgres" if as_user else os.environ.get("USER", "postgres")

    def run(*command: str) -> None:
        subprocess.run([*as_user, *command], check=True, capture_output=True, timeout=120, cwd="/")

    run(str(BIN / "initdb"), "-D", str(data), "-A", "trust", "-U", user, "-N")
    options = f"-c listen_addresses='' -c unix_socket_directories={folder / 'own'} -c fsync=off -c port=54329"
    run(str(BIN / "pg_ctl"), "-D", str(data), "-w", "-o", options, "-l", str(folder / "own" / "log"), "start")
    try:
        yield {"host": str(folder / "own"), "port": 54329, "user": user, "dbname": "postgres"}
    finally:
        run(str(BIN / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def filled(server):
    with psycopg.connect(**server, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION postgis")
        connection.execute('CREATE SCHEMA "Survey"')
        connection.execute(
            'CREATE TABLE "Survey"."地类图斑" (gid serial PRIMARY KEY, "BSM" text, "DLBM" text, "DLMC" text, '
            "geom geometry(Polygon, 4490))"
        )
        connection.execute(
            'INSERT INTO "Survey"."地类图斑" ("BSM", "DLBM", "DLMC", geom) '
            "SELECT (i * 200 + j)::text, '0103', '旱地', "
            "ST_MakeEnvelope(119 + i * 0.01, 49 + j * 0.01, 119.009 + i * 0.01, 49.009 + j * 0.01, 4490) "
            "FROM generate_series(0, 99) i, generate_series(0, 99) j"
        )
        connection.execute('CREATE INDEX ON "Survey"."地类图斑" USING gist (geom)')
    return server


@pytest.fixture
def pointer(filled, tmp_path):
    def write(folder=tmp_path, table="Survey.地类图斑", **changed):
        server = {**filled, **changed}
        lines = [
            f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}" for key, value in server.items()
        ]
        path = folder / "地类.postgis.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            f'kind = "dltb"\ntable = "{table}"\nclassification = "敏感"\n[server]\n' + "\n".join(lines), "utf-8"
        )
        return path

    return write


def test_a_table_is_crossed_where_it_lies(pointer, tmp_path):
    pointer(tmp_path / "layers")
    (layer,) = stored_layers(tmp_path)
    assert (layer.kind, layer.classification.en) == ("dltb", "sensitive")
    found = crossings(PATCH, [layer])
    assert [feature.attributes["DLMC"] for feature, _ in found] == ["旱地"]
    assert found[0][1] == pytest.approx(geodesic_area_m2(PATCH & box(119.70, 49.30, 119.709, 49.309)), rel=1e-6)
    assert found[0][0].record.land_class.zh == "旱地"


def test_only_rows_near_the_place_leave_the_server(pointer, filled):
    (layer,) = open_layers(pointer())
    with psycopg.connect(**filled) as connection:
        plan = connection.execute(
            'EXPLAIN SELECT gid FROM "Survey"."地类图斑" '
            "WHERE geom && ST_MakeEnvelope(119.7, 49.3, 119.71, 49.31, 4490)"
        ).fetchall()
    assert any("Index" in row[0] for row in plan)
    assert len(layer.features_in(PATCH.buffer(-0.0005))) == 1


def test_a_table_is_added_as_a_checked_copy(pointer, tmp_path):
    added = add_layer(pointer(), tmp_path / "home", "dltb", name="survey")
    assert (added.checked.tally.rows, added.checked.tally.counts["error"]) == (10_000, 0)
    assert len(added.layer.features_in(PATCH.buffer(-0.0005))) == 1


def test_what_is_wrong_is_one_sentence_without_a_secret(pointer, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    for changed, says in (
        ({"table": "Survey.nothing"}, "has 0 tables Survey.nothing with a geometry geom"),
        ({"port": 54330}, "did not answer"),
        ({"table": "x'; DROP TABLE y; --"}, "has 0 tables"),
    ):
        path = pointer(**changed)
        with pytest.raises(UnreadableVectorError, match=says) as caught:
            open_layers(path)
        assert "hunter2" not in str(caught.value)
        assert "\n" not in str(caught.value)
