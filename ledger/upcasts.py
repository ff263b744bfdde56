"""Steps from one stored version of a fact to the next. None is needed yet: all are version 1.

A new shape adds one pure function here, `@upcast("loan.opened", version=1)`, that takes the stored
document of version 1 and returns the one of version 2, and keeps its golden file for ever. Steps
know stored documents only, never the classes, which go on changing.
"""

from __future__ import annotations
