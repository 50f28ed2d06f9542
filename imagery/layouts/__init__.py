"""Layouts of files and folders that can be indexed, one module each; `find` walks a source and asks them in turn."""
