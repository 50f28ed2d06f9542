"""What can be wrong with imagery."""


class ImageryError(Exception):
    """Root of everything that `imagery` raises; the message names the file or scene and what to do about it."""


class UnreadableImageError(ImageryError):
    """A file is missing, truncated, not a raster, or claims a size that cannot be."""


class InconsistentSceneError(ImageryError):
    """The files of one scene contradict each other (size, box, band, date)."""


class ArchiveError(ImageryError):
    """An archive is missing, not an archive, or can not be written."""


class ProviderError(ImageryError):
    """A source of imagery can not be asked, refuses, or answers nonsense; the message never holds a secret."""


class DiskFullError(ProviderError):
    """What was fetched can not be kept for want of room: nothing more can be had until there is some."""
