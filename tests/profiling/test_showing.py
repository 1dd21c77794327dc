"""Figures in notebooks: shown once, with words for those who do not see them, which web pages take over."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from tinyinfer import plots
from tinyinfer.errors import InputError

plt = pytest.importorskip("matplotlib.pyplot")
pytest.importorskip("IPython")
ALT = 'Two bars, "a" < "b".'


@pytest.fixture
def shell() -> Iterator[Any]:
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.core.pylabtools import select_figure_formats
    from traitlets.config import Config

    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    select_figure_formats(shell, ["png"])
    yield shell
    InteractiveShell.clear_instance()


def shown(figure: Any, alt: str = ALT) -> list[dict[str, Any]]:
    from IPython.utils.capture import capture_output

    with capture_output() as captured:
        plots.show(figure, alt)
    return [{"data": output.data, "metadata": output.metadata} for output in captured.outputs]


@pytest.mark.usefixtures("shell")
def test_a_figure_is_shown_once_with_its_words() -> None:
    output, words = shown(plots.bars(["a", "b"], {"": [1, 2]}))
    assert base64.b64decode(output["data"]["image/png"]).startswith(b"\x89PNG")
    assert output["metadata"] == {"image/png": {"alt": ALT}}
    assert output["data"]["text/plain"] == ALT
    assert "Two bars, &quot;a&quot; &lt; &quot;b&quot;." in words["data"]["text/html"]


@pytest.mark.usefixtures("shell")
def test_a_figure_of_pyplots_own_is_closed() -> None:
    figure, _ = plt.subplots()
    shown(figure)
    assert not plt.get_fignums()


@pytest.mark.usefixtures("shell")
def test_web_pages_have_the_words_as_alternative_text() -> None:
    nbconvert, nbformat = (pytest.importorskip(name) for name in ("nbconvert", "nbformat"))
    cells = [
        nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("display_data", **output)])
        for output in shown(plots.bars(["a", "b"], {"": [1, 2]}))
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    page, _ = nbconvert.HTMLExporter(template_name="classic").from_notebook_node(notebook)
    assert 'alt="Two bars, &#34;a&#34; &lt; &#34;b&#34;."' in page or """alt='Two bars, "a" &lt; "b".'""" in page
    page, _ = nbconvert.HTMLExporter(template_name="lab").from_notebook_node(notebook)
    assert 'Two bars, "a" &lt; "b".</small></details>' in page


@pytest.mark.usefixtures("shell")
def test_words_are_asked_for() -> None:
    with pytest.raises(InputError, match="expected words"):
        plots.show(plots.bars(["a"], {"": [1]}), " ")


def test_there_must_be_a_notebook() -> None:
    with pytest.raises(InputError, match=r"expected a notebook.*plots\.save"):
        plots.show(plots.bars(["a"], {"": [1]}), ALT)
