import datetime as dt

import pytest

from imagery.levels import scaling_of
from imagery.names import baseline_in_name, date_in_name, parse_band_file


@pytest.mark.parametrize(
    ("name", "band", "stem", "collection"),
    [
        ("T49QCD_20161209T031122_B8A.tif", "nir08", "T49QCD_20161209T031122", ""),
        ("B04.tif", "red", "", ""),
        ("SCL.tif", "scl", "", ""),
        ("T50UQV_20250612T030541_B11_20m.jp2", "swir16", "T50UQV_20250612T030541", ""),
        ("2018-12-01_Sentinel-2_L2A_B02_(Raw).tiff", "blue", "2018-12-01_Sentinel-2_L2A", "raw"),
        ("LC08_L2SP_034032_20160707_02_T1_SR_B5.TIF", "nir", "LC08_L2SP_034032_20160707_02_T1", "c2"),
        ("LT05_L2SP_034032_20100707_02_T1_SR_B5.TIF", "swir16", "LT05_L2SP_034032_20100707_02_T1", "c2"),
        ("LC08_L1TP_034032_20160707_01_T1_pixel_qa_crop.tif", "pixel_qa", "LC08_L1TP_034032_20160707_01_T1", "c1"),
    ],
)  # fmt: skip
def test_a_band_file_name_says_its_band(name, band, stem, collection):
    parsed = parse_band_file(name)
    assert (parsed.band, parsed.stem, parsed.collection) == (band, stem, collection)


@pytest.mark.parametrize("name", ["CLD.tif", "viewZenithMean.tif", "True_color.tiff", "B04.txt", "B13.tif", "xB04.tif"])
def test_other_files_are_no_band(name):
    assert parse_band_file(name) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("T49QCD_20161209T031122", dt.datetime(2016, 12, 9, 3, 11, 22, tzinfo=dt.UTC)),
        ("LC08_L1TP_034032_20160707_20170221_01_T1", dt.datetime(2016, 7, 7, 12, tzinfo=dt.UTC)),
        ("2018-12-01-00_00_2018-12-01", dt.datetime(2018, 12, 1, 12, tzinfo=dt.UTC)),
        ("wild_fires_01_12_2018", dt.datetime(2018, 12, 1, 12, tzinfo=dt.UTC)),
        ("S2A_OPER_MSI_L1C_TL_EPA__20160811T174848_A000262_T33TUH", None),
        ("tile_20161399", None),
        ("no date", None),
    ],
)
def test_a_name_carries_the_acquisition_or_nothing(name, expected):
    assert date_in_name(name) == expected


def test_the_baseline_decides_the_offset_and_the_date_where_it_is_unknown():
    old, new = dt.date(2022, 1, 24), dt.date(2022, 1, 25)
    assert scaling_of("sentinel-2", "L2A", "", old).offset == 0
    assert scaling_of("sentinel-2", "L2A", "", new).offset == -0.1
    assert scaling_of("sentinel-2", "L2A", "05.00", old).offset == -0.1
    assert scaling_of("sentinel-2", "L1C", "02.04", new).offset == 0
    assert scaling_of("landsat-8", "SR", "", new, "c2").scale == 2.75e-5
    assert scaling_of("gaofen-1", "SR", "", new) is None
    assert baseline_in_name("S2A_MSIL2A_20250612T030541_N0511_R075") == "05.11"
