"""Pages to share: one self-contained HTML file each, with plain JavaScript, that asks nothing of a server.

`document` puts a page together; a folder below holds what one page shows: its Python, which gathers the data,
and its scripts and styles, which stand in ``assets``.
"""
