"""A network explained on a photo, in one web page: what it says, where it looks, and how each pixel comes about.

`explain` makes the page.  Its maps and kernels are in the page in 8 bits; a small network runs in the page itself.
"""

from tinyinfer.pages.explain.page import explain as explain
