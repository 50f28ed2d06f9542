"""A card says everything that the entry knows, and stays Markdown whatever the entry says."""

from collections.abc import Callable
from typing import Any

import pytest

from weights.card import render
from weights.manifest import Draft, Entry


@pytest.fixture
def card(draft: Callable[..., Draft]) -> Callable[..., str]:
    def make(**fields: Any) -> str:
        known = {**draft(**fields).model_dump(), "sha256": "a" * 64, "bytes": 5_430_000}
        return render(Entry.model_validate(known))

    return make


def test_a_card_says_what_a_person_must_know(card: Callable[..., str]) -> None:
    text = card()
    for said in (
        "# disturbance\n\n**摘要**：",
        "像元 10–30 米；阈值高 0.5、低 0.3",
        "小于 0.2 公顷",
        "5.43 MB",
        "a" * 64,
        "| encoder | mobilenet_v2 |",
        "blue, green, red, nir, swir16, swir22",
        "165 px",
        "3 points",
        "| planted | F1 | 0.91 | weixun evaluate --planted |",
        "Changes under 0.2 ha",
        "seed 7",
        "\n    weixun train --archive mine --seed 7\n",
        "never a verdict",
    ):
        assert said in text


def test_a_bar_or_a_line_break_does_not_break_a_table(card: Callable[..., str]) -> None:
    source = {"name": "a\nb | c", "licence": "MIT", "what": "all"}
    assert "\n| a b \\| c | MIT | all |\n" in card(training_data=(source,))


def test_a_card_without_figures_warns(card: Callable[..., str]) -> None:
    text = card(metrics=(), calibration={})
    assert "do not rely" in text
    assert "taken as it is" in text
