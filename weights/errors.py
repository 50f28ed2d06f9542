"""What can be wrong with trained weights."""


class WeightsError(Exception):
    """Root of everything that `weights` raises; the message names the file and what to do about it."""


class UnknownWeightsError(WeightsError):
    """No weights of that name are shipped or retrained."""


class ManifestError(WeightsError):
    """A manifest can not be read, or says what can not be."""


class NotVerifiedError(WeightsError):
    """A file is not what its manifest says it is."""


class MissingFileError(NotVerifiedError):
    """A manifest names a file that is not there."""


class ChangedFileError(NotVerifiedError):
    """A file has another size or SHA-256 than its manifest says, or holds no tensors that can be read."""


class TensorError(WeightsError):
    """Tensors that are to be stored are of a kind that is not, or not finite."""


class NotWrittenError(WeightsError):
    """A folder can not be written."""


class NoRoomError(NotWrittenError):
    """The disk has no room for the weights."""
