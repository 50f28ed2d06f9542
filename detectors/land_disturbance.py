"""地表扰动: the catch-all. Any lasting disturbance of the ground by people, crossed with no layer."""

from detectors.core.history import Season
from detectors.core.types import BARE, BUILT, VEGETATION, WATER, Detector, Surface, Transition

ANY = frozenset(Surface) - {Surface.UNKNOWN}

DETECTOR = Detector(
    id="land_disturbance",
    name_zh="地表扰动",
    name_en="Land disturbance",
    seasons=(Season((1, 1), (12, 31)),),
    transitions=(
        Transition(ANY, frozenset({Surface.SNOW}), 0.0, "积雪", "snow"),
        # By its own name, but not hidden: freshly ploughed dark soil is easily taken for char.
        Transition(ANY, frozenset({Surface.BURNT}), 1.0, "过火", "burnt"),
        # Crops rotate, meadows dry, fallow greens: what ends in plants must be more unusual to raise a lead.
        Transition(VEGETATION, VEGETATION, 0.7, "植被变化", "vegetation to other vegetation"),
        # Ground that is built on is not disturbed anew, and what a fire left greens or washes off by itself.
        Transition(frozenset({Surface.BUILT}), frozenset({Surface.BUILT}), 0.7, "建设区变化", "built to other built"),
        Transition(frozenset({Surface.BURNT}), ANY - BUILT, 0.7, "火烧迹地恢复", "recovery after fire"),
        Transition(BARE | BUILT, VEGETATION, 0.7, "裸地变植被", "bare ground to vegetation"),
        Transition(BARE, BARE, 1.0, "裸地翻动", "bare ground worked on"),
        Transition(BUILT, BARE, 1.0, "建设变裸地", "built to bare ground"),
        Transition(VEGETATION, BUILT, 1.0, "植被变建设", "vegetation to built or paved"),
        Transition(VEGETATION, BARE, 1.0, "植被变裸地", "vegetation to bare ground"),
        Transition(BARE, BUILT, 1.0, "裸地变建设", "bare ground to built or paved"),
        Transition(WATER, BARE | BUILT, 1.0, "水面变陆地", "water to land"),
        Transition(ANY - WATER, WATER, 1.0, "陆地变水面", "land to water"),
    ),
    any_transition=True,
)
