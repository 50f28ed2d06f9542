"""矿场监督: stripped ground, pits, dumps and tailings, crossed with mining rights."""

from detectors.core.types import BARE, BUILT, VEGETATION, WATER, Detector, Transition

DETECTOR = Detector(
    id="mine",
    name_zh="矿场监督",
    name_en="Mines",
    # Before mid May the steppe itself is bare, from October it is yellow and partly under snow.
    season=((5, 15), (10, 10)),
    transitions=(
        Transition(VEGETATION, BARE, 1.0, "植被剥离", "vegetation stripped"),
        Transition(VEGETATION, BUILT, 0.9, "植被变工业场地", "vegetation to works"),
        Transition(BARE, BARE | BUILT, 0.9, "采坑或排土场变化", "pit or dump worked on"),
        Transition(BUILT, BARE, 0.9, "场地开挖", "works dug up"),
        Transition(BARE | VEGETATION, WATER, 0.8, "采坑积水", "pit filled with water"),
        Transition(WATER, BARE | BUILT, 0.9, "水面变采场或尾矿", "water to pit or tailings"),
    ),
    layers=("mining_rights", "land_approvals", "restoration_plans"),
)
