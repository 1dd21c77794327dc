"""Everything that has a page: to import this is to register it."""

from tinyinfer.pages.profile import page

__all__ = ["page"]
