"""Parts of the Sentinel Hub provider: settings, collections, request tiles, scripts, the client and its answers."""
