"""From the name of a change to what the ground may be used for."""

from leads.rules.records import Rule, Use, load_settings


def uses_of(change_zh: str, detector: str = "") -> frozenset[Use]:
    """The uses that a change's Chinese name tells; empty where it tells none.

    Holds ``none`` where the name says that nobody took the ground: snow, regrowth, a river's own doing. Then no other
    use is in it. Fire and other plants tell no use and are not ``none``: a pit in dark soil is now and then called
    burnt.
    """
    settings = load_settings()
    told = {entry.use for entry in settings.uses if any(word in change_zh for word in entry.words)}
    if "none" in told:
        return frozenset({"none"})
    return frozenset(told | set(settings.detector_uses.get(detector, ())))


def lists(rule: Rule, uses: frozenset[Use]) -> bool | None:
    """Whether a rule lists one of the uses; None where it names uses and the imagery tells none."""
    if not rule.uses:
        return True
    if not uses:
        return None
    return not uses.isdisjoint(rule.uses)
