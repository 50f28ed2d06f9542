"""What can be wrong with a simulated world."""

from imagery.errors import ImageryError


class SimulationError(ImageryError):
    """A world can not be built as asked: no room for what is to be planted, or its folder can not be written."""


class TruthError(ImageryError):
    """A truth file is missing, or is not one that this code wrote."""
