"""What can be wrong with detectors and their numbers."""


class DetectorError(Exception):
    """Root of everything that `detectors` raises."""


class UnknownDetectorError(DetectorError):
    """No detector of that id is installed; the message lists those that are."""


class TooLittleGroundError(DetectorError):
    """Too few pixels were observed at both dates to say what is normal."""


class NetworkError(DetectorError):
    """A network can not be built, or weights are not of its shape."""
