"""What can be wrong with an area, a layer or a grid."""


class AoiError(Exception):
    """Root of everything that `aoi` raises; the message names the file or feature and what to do about it."""


class UnreadableVectorError(AoiError):
    """A vector file is missing, hostile, or in a format that no reader here knows."""


class InvalidGeometryError(AoiError):
    """A geometry is empty, self-crossing, of the wrong kind, or outside the degrees of the Earth."""


class UnknownAoiError(AoiError):
    """No AOI of that id is shipped or stored."""


class AoiStoreError(AoiError):
    """The folder of stored AOIs can not be read or written."""
