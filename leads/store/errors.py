"""What can be wrong with a store."""

from leads.errors import DiskFullError, LeadsError


class StoreError(LeadsError):
    """The store is not there, is no store of ours, or can not be read or written."""


class StoreLockedError(StoreError):
    """Somebody else holds the store."""


class StoreVersionError(StoreError):
    """The store was made by a newer Weixun than this one."""


__all__ = ["DiskFullError", "StoreError", "StoreLockedError", "StoreVersionError"]
