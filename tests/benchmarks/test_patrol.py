import shapely

from aoi.grid import to_crs
from benchmarks.patrol import work_of


def square(edge_m: float) -> shapely.Geometry:
    box = shapely.box(500_000, 5_400_000, 500_000 + edge_m, 5_400_000 + edge_m)
    return to_crs(shapely.segmentize(box, 1e3), 32650, 4326)


def test_what_blocks_read_holds_their_halos_and_ends_where_imagery_does() -> None:
    area, everywhere = square(40_000), square(40_000).buffer(1)
    core = work_of(area, everywhere, 10.0, 0, 1024)
    assert 40 * 40 / 100 < core.mpx < 50 * 50 / 100  # the outline's squares lie 2 to 4.6 km around it
    assert work_of(area, everywhere, 10.0, 200, 1024).mpx > 1.6 * core.mpx > work_of(area, area, 10.0, 0, 1024).mpx
    assert work_of(area, everywhere, 10.0, 200, 2048).mpx < work_of(area, everywhere, 10.0, 200, 1024).mpx
    assert core.cells >= 2
