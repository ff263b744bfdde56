"""The report: one self-contained page of pictures, in Chinese and English, for screen and print.

`svg` draws, `charts` knows the kinds of pictures, `words` has both languages, `chapter` chooses
what is shown of one currency, `page` puts it together. No script, no network, no library.
"""

from streams.pictures.page import report

__all__ = ["report"]
