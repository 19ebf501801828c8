"""Tools to test programs on this library with, as public as `trio.testing`."""
