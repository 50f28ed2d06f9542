"""How a STAC service may be described."""

import pytest

from imagery.errors import ProviderError
from imagery.providers.stac import StacProvider
from imagery.providers.stac_config import PROFILES, StacConfig
from imagery.remote.cache import Cache
from imagery.remote.limits import Limits


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_profiles_are_whole(name):
    config = StacConfig(profile=name)
    assert config.url.startswith("https://")
    assert config.collections == ("sentinel-2-l2a",)
    assert StacConfig(profile=name, collections=("landsat-c2-l2",)).collections == ("landsat-c2-l2",)
    assert StacConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    "said",
    [
        {}, {"url": "https://stac.example.org"}, {"collections": ["a"]}, {"profile": "nobody"},
        {"url": "http://stac.example.org", "collections": ["a"]}, {"url": "file:///etc", "collections": ["a"]},
        {"url": "https://user:pass@stac.example.org", "collections": ["a"]},
        {"profile": "earth-search", "sign_url": "https://a.example.org"}, {"profile": "earth-search", "more": 1},
        {"profile": "earth-search", "collections": ["a\nb"]},
    ],
)  # fmt: skip
def test_what_no_configuration_may_say(said):
    with pytest.raises(ValueError, match="StacConfig"):
        StacConfig.model_validate(said)


def test_a_missing_credential_is_named(tmp_path):
    config = StacConfig(profile="earth-search", credentials="bearer")
    with pytest.raises(ProviderError, match="WEIXUN_ES_TOKEN"):
        StacProvider.from_config("es", config, Cache(tmp_path / "cache"), Limits(), tmp_path, tmp_path)
