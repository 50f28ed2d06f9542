import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from detectors.core.history import Season
from detectors.core.types import Detector
from leads.vectorize import NEAR_PX, Fragment, fragments, pixels_near

LEFT, TOP = 60_000, 540_000


def detector(low: float = 0.4, high: float = 0.5, minimum_area_m2: float = 1000.0) -> Detector:
    return Detector(
        "mine",
        "矿场监督",
        "Mines",
        (Season((1, 1), (12, 31)),),
        (),
        threshold_low=low,
        threshold_high=high,
        minimum_area_m2=minimum_area_m2,
    )


def geobox(shape: tuple[int, int], left: float = LEFT, top: float = TOP) -> GeoBox:
    return GeoBox(shape, Affine(10, 0, left * 10, 0, -10, top * 10), "EPSG:32651")


def vectorized(score: NDArray[np.float64], owned: NDArray[np.bool_] | None = None) -> tuple[Fragment, ...]:
    return fragments(
        score.astype(np.float32),
        np.zeros(score.shape, np.uint8),
        geobox(score.shape),
        np.ones(score.shape, bool) if owned is None else owned,
        detector(),
    )


def test_a_piece_knows_its_pixels_and_scores() -> None:
    score = np.zeros((40, 40))
    score[10:15, 20:24] = 0.45
    score[12, 22] = 0.9
    (piece,) = vectorized(score)
    assert piece.pixels == 20
    assert piece.score_max == pytest.approx(0.9)
    assert piece.score_sum == pytest.approx(19 * 0.45 + 0.9)
    assert not piece.touches
    assert not piece.edge
    assert piece.geometry.bounds == ((LEFT + 20) * 10, (TOP - 15) * 10, (LEFT + 24) * 10, (TOP - 10) * 10)


def test_a_weak_piece_goes_unless_it_touches_the_border() -> None:
    score = np.zeros((40, 40))
    score[10:15, 20:24] = 0.45
    score[30:35, 36:40] = 0.45
    (piece,) = vectorized(score)
    assert piece.pixels == 20
    assert piece.border.shape == (5, 2)
    assert set(piece.border[:, 0]) == {LEFT + 39}


def test_specks_below_the_minimum_area_go_but_a_ring_around_a_speck_stays() -> None:
    score = np.zeros((40, 40))
    score[5:8, 5:8] = 0.9
    score[20:24, 20:24] = 0.9
    score[21:23, 21:23] = 0.0
    (piece,) = vectorized(score)
    assert piece.pixels == 12


def test_the_most_common_transitions_are_counted() -> None:
    score = np.zeros((40, 40), np.float32)
    score[10:15, 20:24] = 0.9
    (piece,) = fragments(score, np.full(score.shape, 7, np.uint8), geobox(score.shape), score >= 0, detector())
    assert piece.transitions == (20, 0)


def test_pixels_near_pieces_are_their_boxes_a_little_wider_inside_the_core() -> None:
    score = np.zeros((60, 50))
    score[2:6, 3:9] = 0.9
    score[30:36, 40:50] = 0.9
    score[:, 0] = np.nan  # a blind rim is no piece of change
    pieces = vectorized(score)
    near = np.zeros(score.shape, np.bool_)
    near[: 6 + NEAR_PX, : 9 + NEAR_PX] = True
    near[30 - NEAR_PX : 36 + NEAR_PX, 40 - NEAR_PX :] = True
    np.testing.assert_array_equal(pixels_near(pieces, geobox(score.shape)), np.flatnonzero(near))


def test_unobserved_ground_beside_a_piece_is_its_edge() -> None:
    score = np.zeros((40, 40))
    score[10:15, 20:24] = 0.9
    score[15, 24] = np.nan
    (piece,) = vectorized(score)
    assert piece.edge


def test_unobserved_ground_on_the_rim_is_told_to_the_neighbours() -> None:
    score = np.zeros((40, 40))
    score[:, 0] = np.nan
    score[20, 20] = np.nan
    (rim,) = vectorized(score)
    assert rim.blind
    assert rim.pixels == 0
    assert sorted(set(rim.border[:, 0])) == [LEFT]
    assert len(rim.border) == 40


def test_ground_that_was_not_asked_for_is_left_out_and_is_an_edge() -> None:
    score = np.full((40, 40), 0.9)
    owned = np.zeros((40, 40), bool)
    owned[10:20, 10:20] = True
    piece, rim = vectorized(score, owned)
    assert piece.pixels == 100
    assert piece.edge
    assert not piece.touches
    assert rim.blind


def test_a_grid_off_the_lattice_is_refused() -> None:
    with pytest.raises(ValueError, match="whole multiples"):
        fragments(
            np.zeros((4, 4), np.float32),
            np.zeros((4, 4), np.uint8),
            geobox((4, 4), LEFT + 0.3),
            np.ones((4, 4), bool),
            detector(),
        )
