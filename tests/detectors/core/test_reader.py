from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from affine import Affine
from odc.geo.geobox import GeoBox
from torch import nn

from detectors.core import borders, burnt, surface_head, training_free
from detectors.core.features import CHANNELS
from detectors.core.inference import Engine
from detectors.core.network import NetworkSpec, build, reach_px, stride
from detectors.core.normals import REACH_PX, Normals, fit
from detectors.core.perceptron import Perceptron
from detectors.core.rarity import Rarity
from detectors.core.reader import NetworkReader, Rarities, TrainingFreeReader, joined, surfaces
from detectors.core.surface_head import SurfaceHead
from detectors.core.types import FloatArray, Pair, Surface

BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
SPEC = NetworkSpec(channels=CHANNELS, encoder="resnet18", depth=1, decoder_channels=(8,))

MakeGround = Callable[..., tuple]
MakePair = Callable[..., Pair]


@pytest.fixture(scope="module")
def reader() -> NetworkReader:
    torch.manual_seed(3)
    module = build(SPEC).eval()
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.weight, std=1.5 / layer.weight[0].numel() ** 0.5)
    rarity = Rarity(np.linspace(-6, 6, 37).astype(np.float32))
    points = ((0.0, 0.0), (10.0, 0.2), (40.0, 0.9))
    return NetworkReader("abc", Engine(module, SPEC, "cpu", "fp32"), reach_px(SPEC), Rarities(rarity, rarity), points)


def all_of(pair: Pair, normals: Normals) -> list[tuple[Normals, FloatArray]]:
    return [(normals, np.ones(pair.valid.shape, np.float32))]


def test_the_training_free_reader_is_the_training_free_score(make_ground: MakeGround, make_pair: MakePair) -> None:
    before, after, _ = make_ground(160)
    pair = make_pair(before, after)
    shares = all_of(pair, fit([(before, after)], BANDS))
    reader = TrainingFreeReader()
    reading = reader.read(pair, shares, pair.valid)
    np.testing.assert_array_equal(reading.disturbance, training_free.disturbance(pair, shares))
    assert (reader.name, reader.reach_px) == ("training-free", REACH_PX)
    assert (reading.surface_before > 0).mean() > 0.9


def test_surfaces_are_told_where_they_are_wanted_as_if_all_were(make_ground: MakeGround, make_pair: MakePair) -> None:
    before, after, _ = make_ground(160)
    pair = make_pair(before, after)
    shares = all_of(pair, fit([(before, after)], BANDS))
    wanted = np.zeros((160, 160), bool)
    wanted[70:90, 60:100] = True
    rng = np.random.default_rng(2)
    described = surface_head.features(before), burnt.pair_features(before, after)
    weights = [
        rng.standard_normal((given, len(known))).astype(np.float32)
        for given, known in zip((11, 1), described, strict=True)
    ]
    # centred, so that its answers differ from place to place
    surface, fire = (
        Perceptron((weight,), (-(weight @ known.mean(axis=(1, 2)))[:, None],))
        for weight, known in zip(weights, described, strict=True)
    )
    reader = TrainingFreeReader(SurfaceHead(surface, fire))
    whole, part = (reader.read(pair, shares, where) for where in (pair.valid, wanted))
    for one, other in ((whole.surface_before, part.surface_before), (whole.surface_after, part.surface_after)):
        np.testing.assert_array_equal(one[wanted], other[wanted])
        assert len(np.unique(one[wanted])) > 1
        assert not other[:30].any()


GREEN, SOIL = (0.04, 0.07, 0.06, 0.24, 0.20, 0.12), (0.07, 0.10, 0.14, 0.22, 0.28, 0.24)


@pytest.mark.parametrize(
    ("before", "after", "burnt", "left", "told"),
    [
        (Surface.CROP, Surface.GRASS, False, SOIL, Surface.BRIGHT_BARE),
        (Surface.TREE, Surface.CROP, False, SOIL, Surface.BRIGHT_BARE),
        (Surface.CROP, Surface.GRASS, False, GREEN, Surface.GRASS),
        (Surface.BRIGHT_BARE, Surface.GRASS, False, SOIL, Surface.GRASS),
        (Surface.GRASS, Surface.TREE, False, SOIL, Surface.TREE),
        (Surface.GRASS, Surface.WET_VEGETATION, False, SOIL, Surface.WET_VEGETATION),
        (Surface.GRASS, Surface.BUILT, False, SOIL, Surface.BUILT),
        (Surface.CROP, Surface.GRASS, True, SOIL, Surface.BURNT),
    ],
)
def test_thin_plants_on_ground_that_was_laid_bare_are_bare_ground(
    make_pair: MakePair, before: Surface, after: Surface, burnt: bool, left: tuple[float, ...], told: Surface
) -> None:
    pair = make_pair(*(np.array(spectrum, np.float32)[:, None, None] for spectrum in (GREEN, left)))
    codes = iter((before, after))
    head = SimpleNamespace(
        classify=lambda *_: (np.full((1, 1), next(codes), np.uint8), None),
        burnt_between=lambda *_: np.full((1, 1), burnt),
    )
    assert [code.tolist() for code in surfaces(pair, head)] == [[[before]], [[told]]]


def test_digital_numbers_have_no_surfaces(make_ground: MakeGround, make_pair: MakePair) -> None:
    before, after = (np.round(image * 250) for image in make_ground(160)[:2])
    pair = make_pair(before, after, reflectance=False)
    reading = TrainingFreeReader().read(
        pair, all_of(pair, fit([(before, after)], BANDS, reflectance=False)), pair.valid
    )
    assert np.isfinite(reading.disturbance).all()
    assert not reading.surface_before.any()
    assert not reading.surface_after.any()


def test_the_network_answers_exactly_where_it_is_asked_and_can_see(
    reader: NetworkReader, make_ground: MakeGround, make_pair: MakePair
) -> None:
    before, after, _ = make_ground(160)
    normals = fit([(before, after)], BANDS)
    after[:, 40:60, 70:90] = np.nan
    pair = make_pair(before, after)
    wanted = np.zeros((160, 160), bool)
    wanted[20:150, 30:140] = True
    reading = reader.read(pair, all_of(pair, normals), wanted)
    np.testing.assert_array_equal(np.isfinite(reading.disturbance), wanted & pair.valid)
    scores = reading.disturbance[wanted & pair.valid]
    assert 0 <= scores.min() < scores.max() <= 0.9
    assert scores.std() > 0.01


def test_without_a_map_the_certainty_is_the_same_and_surfaces_are_told_where_it_counts(
    reader: NetworkReader, make_ground: MakeGround, make_pair: MakePair, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after, _ = make_ground(200)
    pair = make_pair(before, after)
    shares = all_of(pair, fit([(before, after)], BANDS))
    wanted = np.zeros((200, 200), bool)
    wanted[20:190, 30:150] = True
    whole = reader.read(pair, shares, wanted)
    sure = float(np.nanquantile(whole.site, 0.97))  # an untrained network is nowhere as sure as a trained one
    monkeypatch.setattr("detectors.core.reader.ASKED", sure)
    part = reader.read(pair, shares, wanted, mapped=False)
    np.testing.assert_array_equal(part.site, whole.site)
    assert part.disturbance is None
    counts = np.nan_to_num(whole.site) >= sure
    for one, other in ((whole.surface_before, part.surface_before), (whole.surface_after, part.surface_after)):
        np.testing.assert_array_equal(other, np.where(counts, one, 0))
        assert len(np.unique(other)) > 2


def test_patches_are_made_of_their_own_network_and_the_score_of_the_other(
    reader: NetworkReader, make_ground: MakeGround, make_pair: MakePair
) -> None:
    before, after, _ = make_ground(160)
    pair = make_pair(before, after)
    shares = all_of(pair, fit([(before, after)], BANDS))
    torch.manual_seed(4)
    site = Engine(build(SPEC).eval(), SPEC, "cpu", "fp32")
    both = replace(reader, site=site)
    one, other, alone = (each.read(pair, shares, pair.valid) for each in (reader, both, replace(reader, engine=site)))
    np.testing.assert_array_equal(other.disturbance, one.disturbance)
    np.testing.assert_array_equal(other.site, alone.site)
    assert np.abs(other.site - one.site).max() > 0.01
    np.testing.assert_array_equal(both.read(pair, shares, pair.valid, mapped=False).site, other.site)


def test_the_same_ground_scores_the_same_in_another_crop(
    reader: NetworkReader, make_ground: MakeGround, make_pair: MakePair
) -> None:
    before, after, _ = make_ground(200)
    normals = fit([(before, after)], BANDS)
    pair = make_pair(before, after)
    whole = reader.read(pair, all_of(pair, normals), pair.valid).disturbance
    rows, cols = slice(11, 186), slice(24, 197)
    a = pair.geobox.affine
    box = GeoBox((175, 173), Affine(10, 0, a.c + 240, 0, -10, a.f - 110), "EPSG:32650")
    crop = replace(make_pair(before[:, rows, cols], after[:, rows, cols]), geobox=box)
    part = reader.read(crop, all_of(crop, normals), crop.valid).disturbance
    edge = reader.reach_px + stride(SPEC)
    inner = (slice(edge, -edge), slice(edge, -edge))
    assert part[inner].size > 1000
    np.testing.assert_allclose(part[inner], whole[rows, cols][inner], atol=2e-3)


def test_its_reach_adds_to_that_of_its_input(reader: NetworkReader) -> None:
    assert reader.reach_px == REACH_PX + reach_px(SPEC) + borders.REACH_PX


def test_scores_are_calibrated_and_nan_stays(reader: NetworkReader) -> None:
    scores = reader.calibrated(np.array([-1, 0, 10, 25, 40, 50, np.nan], np.float32))
    np.testing.assert_allclose(scores, [0, 0, 0.2, 0.55, 0.9, 0.9, np.nan], atol=1e-6)
    assert scores.dtype == np.float32


def test_network_and_anomaly_both_raise_the_score(reader: NetworkReader) -> None:
    channels = np.zeros((len(CHANNELS), 40, 120), np.float32)
    unusual = channels[CHANNELS.index("unusual")]
    unusual[:] = -2
    unusual[:, 80:] = 2
    odds = np.full((40, 120), -1, np.float32)
    odds[:, 40:80] = 2
    raw = joined(reader.rarities, odds, channels, np.ones((40, 120), bool), (0, 0))
    low, sure, odd = raw[20, 10], raw[20, 60], raw[20, 110]
    assert low < sure
    assert low < odd
