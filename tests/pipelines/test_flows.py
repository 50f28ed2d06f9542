"""The same scan under a real Prefect server on loopback."""

import datetime as dt
from pathlib import Path

import pyogrio
import pytest
from prefect.client.orchestration import get_client
from prefect.testing.utilities import prefect_test_harness

from aoi.read import read_aoi
from imagery.providers.local import LocalProvider
from imagery.simulated.spec import test_spec as tiny_spec
from pipelines.errors import BadInputError
from pipelines.flows import scan_flow
from pipelines.request import ScanRequest
from pipelines.scan import scan


def test_a_flow_gives_what_the_body_gives(steppe: Path, tmp_path: Path) -> None:
    spec = tiny_spec()
    aoi, archive = steppe / "aoi.geojson", steppe / "archive"
    before, after = (spec.before[0], spec.before[-1]), (spec.after[0], spec.after[-1])
    detectors = ("land_disturbance",)
    source = LocalProvider.open(archive, archive.name)
    body = scan(ScanRequest(read_aoi(str(aoi)), source, before, after, tmp_path / "body", detectors))
    asked = {"aoi": str(aoi), "archive": archive, "before": before, "detectors": detectors, "out": tmp_path / "flow"}
    with prefect_test_harness(server_startup_timeout=180):
        assert scan_flow(**asked, after=after) == 0
        with get_client(sync_client=True) as client:
            runs = client.read_task_runs()
        with pytest.raises(BadInputError, match="must begin later"):
            scan_flow(**asked, after=(dt.date(2020, 1, 1), dt.date(2020, 1, 1)))
    assert len(runs) == body.grid["blocks"]
    assert all(run.name.startswith("block 32650_10m") and run.state.is_completed() for run in runs)
    tables = [pyogrio.read_dataframe(tmp_path / name / "leads.gpkg", layer="leads") for name in ("body", "flow")]
    assert len(tables[0]) > 0
    assert tables[0].equals(tables[1])
