"""Bytes from services that throttle, expire and break, brought here whole."""
