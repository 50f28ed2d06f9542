import numpy as np
import pytest

from imagery.clouds import CLOUD_BANDS, cloud_flags, cloud_probability
from imagery.masks import in_use, pixel_qa_flags, qa_pixel_flags, scl_flags
from imagery.mosaic import Flag

SCL = {
    0: Flag.NODATA, 1: Flag.SATURATED, 2: 0, 3: Flag.SHADOW, 4: 0, 5: 0, 6: 0, 7: 0, 8: Flag.CLOUD, 9: Flag.CLOUD,
    10: Flag.CLOUD | Flag.HAZE, 11: Flag.SNOW, 200: Flag.NODATA,
}  # fmt: skip


@pytest.mark.parametrize(("code", "flag"), list(SCL.items()))
def test_each_class_has_its_flag(code, flag):
    assert (scl_flags(np.full((3, 3), code, np.uint8), 20) == int(flag)).all()


def test_cloud_and_shadow_are_widened_by_forty_metres_and_snow_is_not():
    classes = np.full((21, 21), 4, np.uint8)
    classes[10, 10] = 9
    for gsd, radius in ((20, 2), (10, 4), (60, 1)):
        cloud = scl_flags(classes, gsd) == Flag.CLOUD
        assert cloud[10, 10 - radius : 11 + radius].all()
        assert not cloud[10, : 10 - radius].any()
        assert not cloud[10 - radius, 10 - radius]  # a disk, not a square
    classes[10, 10] = 11
    assert (scl_flags(classes, 20) > 0).sum() == 1


@pytest.mark.parametrize(
    ("value", "flag"),
    [(21824, 0), (1, Flag.NODATA), (22280, Flag.CLOUD), (2, Flag.CLOUD), (4, Flag.CLOUD | Flag.HAZE),
     (23888, Flag.SHADOW), (30048, Flag.SNOW)],
)  # fmt: skip
def test_collection_2_bits(value, flag):
    assert (qa_pixel_flags(np.array([[value]], np.uint16)) == int(flag)).all()


@pytest.mark.parametrize(
    ("value", "flag"),
    [(322, 0), (324, 0), (1, Flag.NODATA), (328, Flag.SHADOW), (480, Flag.CLOUD), (834, Flag.CLOUD | Flag.HAZE),
     (336, Flag.SNOW)],
)  # fmt: skip
def test_collection_1_bits(value, flag):
    assert (pixel_qa_flags(np.array([[value]], np.int16)) == int(flag)).all()


# QA_PIXEL of collection 2 by LSDS-1619 (OLI): one bit at a time; confidences (8–15) and water (7) flag nothing alone
QA_PIXEL_BITS = {
    0: Flag.NODATA, 1: Flag.CLOUD, 2: Flag.CLOUD | Flag.HAZE, 3: Flag.CLOUD, 4: Flag.SHADOW, 5: Flag.SNOW,
    **dict.fromkeys(range(6, 16), 0),
}  # fmt: skip
# pixel_qa of collection 1 by LSDS-1368: 0 fill, 1 clear, 2 water, 3 shadow, 4 snow, 5 cloud, 6–7 confidence of cloud,
# 8–9 of cirrus (high only where both are set), 10 terrain
PIXEL_QA_BITS = {
    0: Flag.NODATA,
    3: Flag.SHADOW,
    4: Flag.SNOW,
    5: Flag.CLOUD,
    **dict.fromkeys((1, 2, 6, 7, 8, 9, 10), 0),
}


@pytest.mark.parametrize(("read", "table"), [(qa_pixel_flags, QA_PIXEL_BITS), (pixel_qa_flags, PIXEL_QA_BITS)])
def test_each_bit_of_landsat_quality(read, table):
    for bit, flag in table.items():
        assert read(np.array([[1 << bit]], np.uint16))[0, 0] == int(flag), bit
    assert pixel_qa_flags(np.array([[0b11 << 8]], np.uint16))[0, 0] == Flag.CLOUD | Flag.HAZE


@pytest.mark.parametrize(
    ("names", "asked"),
    [
        (("red", "scl", "cloud_mask"), ("scl",)),
        (("qa_pixel", "qa_radsat", "cloud_mask"), ("qa_radsat", "qa_pixel")),
        (("valid", "fmask"), ("valid", "fmask")),
        (("cloud_mask", "classi_opaque", "classi_cirrus"), ("cloud_mask",)),
        (("classi_snow", "classi_cirrus", "classi_opaque"), ("classi_opaque", "classi_cirrus", "classi_snow")),
        (("red", "nir"), ()),
    ],
)
def test_of_several_masks_the_best_is_asked(names, asked):
    assert in_use(names) == asked


GROUND = dict(
    zip((*CLOUD_BANDS, "green"), (0.11, 0.08, 0.05, 0.08, 0.25, 0.27, 0.09, 0.001, 0.15, 0.07, 0.07), strict=True)
)
CLOUD = dict(zip((*CLOUD_BANDS, "green"), (0.45, 0.45, 0.45, 0.46, 0.5, 0.52, 0.2, 0.003, 0.4, 0.3, 0.44), strict=True))


def scene(**patches):
    """Ground of 80 × 80 px of 60 m with square patches (first pixel, edge, reflectances)."""
    bands = {name: np.full((80, 80), value, np.float32) for name, value in GROUND.items()}
    for first, edge, values in patches.values():
        for name, value in values.items():
            bands[name][first : first + edge, first : first + edge] = value
    return bands, cloud_probability(np.stack([bands[name] for name in CLOUD_BANDS], axis=-1))


def test_a_wide_cloud_is_flagged_with_a_margin_and_a_bright_roof_is_not():
    bands, probability = scene(cloud=(20, 12, CLOUD), roof=(60, 1, CLOUD))
    assert probability[60, 60] > 0.75
    flags = cloud_flags(probability, bands)
    assert (flags[20:32, 20:32] & Flag.CLOUD).all()
    assert flags[19, 25] & Flag.CLOUD
    assert flags[60, 60] == 0


def test_clear_ground_has_no_flag():
    bands, probability = scene()
    assert not cloud_flags(probability, bands).any()


def test_a_dark_hollow_near_a_cloud_is_its_shadow_and_far_away_is_water():
    shadow = {**GROUND, "nir": 0.05}
    bands, probability = scene(cloud=(10, 10, CLOUD), shadow=(24, 6, shadow), lake=(70, 6, shadow))
    flags = cloud_flags(probability, bands)
    assert (flags[25:29, 25:29] == Flag.SHADOW).all()
    assert not flags[70:76, 70:76].any()


def test_snow_is_snow():
    snow = {**CLOUD, "green": 0.7, "swir16": 0.05, "swir22": 0.04}
    bands, probability = scene(snow=(40, 20, snow))
    assert (cloud_flags(probability, bands)[42:58, 42:58] & Flag.SNOW).all()


def test_no_data_is_no_data():
    bands, probability = scene()
    probability[:5] = np.nan
    flags = cloud_flags(probability, bands)
    assert (flags[:5] == Flag.NODATA).all()
    assert not flags[5:].any()
