import datetime as dt

import pydantic
import pytest

from imagery.simulated.spec import SteppeSpec, bench_spec, demo_spec
from imagery.simulated.spec import test_spec as tiny_spec

DATES = {"before": (dt.date(2023, 7, 1),), "after": (dt.date(2024, 7, 1),)}


def test_presets_are_what_they_promise() -> None:
    assert demo_spec(5).seed == 5
    assert len(demo_spec().before) == 3
    planted = demo_spec().planted
    assert sum(planted.model_dump().values()) == 25
    assert (bench_spec().width_m, bench_spec().height_m) == (50_000, 50_000)
    assert len(tiny_spec().before) == len(tiny_spec().after) == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"before": ()}, "at least one before"),
        ({"after": (dt.date(2023, 6, 1),)}, "must ascend"),
        ({"before": (dt.date(2023, 7, 2), dt.date(2023, 7, 1))}, "must ascend"),
        ({"centre": (119.0, 12.0)}, "30–65° N"),
        ({"cloud_pct": (30.0, 10.0)}, "cloud_pct"),
        ({"planted_ha": (5.0, 1.0)}, "planted_ha"),
        ({"snow_dates": (dt.date(2020, 5, 1),)}, "2020-05-01"),
        ({"decoys": {"snow": 2}}, "snow_dates"),
        ({"misregistration_px": 1.1}, "misregistration_px"),
        ({"gsd_m": 30}, "none that sentinel-2 has"),
        ({"sensor": "landsat", "gsd_m": 10}, "none that landsat has"),
        ({"sensor": "spot"}, "sensor"),
        ({"years": ((2024, 1.5),)}, "years"),
        ({"years": ((2024, 0.5), (2024, 0.1))}, "named twice"),
        ({"decoys": {"icing": 1}}, "before 20 May"),
        ({"planted_ha": (0.01, 1.0)}, "planted_ha"),
        ({"width_m": 100}, "width_m"),
        ({"colour": "green"}, "colour"),
        ({"planted": {"tunnel": 1}}, "tunnel"),
    ],
)
def test_a_spec_that_can_not_be_is_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(pydantic.ValidationError, match=said):
        SteppeSpec.model_validate(DATES | wrong)


def test_every_field_is_described() -> None:
    fields = SteppeSpec.model_fields
    plain = {name for name, field in fields.items() if not field.description}
    assert plain == {"planted", "decoys"}  # these have fields of their own, which are
    assert all(field.description for name in plain for field in fields[name].annotation.model_fields.values())


@pytest.mark.parametrize(("sensor", "gsd_m"), [("sentinel-2", 10), ("landsat", 30), ("gaofen", 8), ("dom", 2)])
def test_the_pixel_size_follows_the_sensor(sensor: str, gsd_m: int) -> None:
    assert SteppeSpec.model_validate(DATES | {"sensor": sensor}).gsd_m == gsd_m
