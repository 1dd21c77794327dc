"""What is done to the network in its page changes its answer as Python says it does."""

from __future__ import annotations

import numpy as np
import pytest
from explained_page import go_to, opened
from PIL import Image

from tinyinfer.logits import softmax
from tinyinfer.model import Model
from tinyinfer.vision.preprocess import Preprocess

LAYER = "features.0.0"


def answers(page) -> dict[str, float]:
    rows = [row.split("\n") for row in page.locator(".bar").all_inner_texts()]
    return {label: float(share.removesuffix(" %")) for label, share in rows}


def expected(model, x: np.ndarray) -> dict[str, float]:
    """The five best classes and their probabilities in percent."""
    shares = softmax(model(x).reshape(-1))
    return {model.meta["labels"][i]: 100 * shares[i] for i in np.argsort(-shares)[:5]}


def check(page, wanted: dict[str, float]) -> None:
    assert answers(page) == pytest.approx(wanted, abs=0.06)


def wait_for_run(page, act) -> None:
    """Act, and wait until the network has run: its line says a time."""
    page.evaluate("document.querySelector('.live [role=status]').textContent = ''")
    act()
    page.locator(".live [role=status]", has_text="computed in").wait_for()


def silenced(model: Model, channel: int) -> Model:
    """The network with weights and bias of one channel of `LAYER` at 0, of which its relu6 makes 0."""
    graph = model.graph.copy()
    for key in graph.node(LAYER).params.values():
        graph.weights[key] = graph.weights[key].copy()
        graph.weights[key][channel] = 0
    return Model(graph, model.meta, kernels="reference")


def test_a_channel_switched_off(live_page, open_page) -> None:
    page = opened(open_page, live_page)
    subject = live_page.subject
    before = answers(page)
    value = subject.graph.node(LAYER).outputs[0]
    channel = int(subject.values[value][0].mean(axis=(1, 2)).argmax())
    without = expected(silenced(subject.model, channel), subject.x)
    assert without != pytest.approx(before, abs=0.3)
    go_to(page, LAYER)
    page.locator(".sheet").first.focus()
    page.keyboard.press("Home")
    for _ in range(channel):
        page.keyboard.press("ArrowRight")
    wait_for_run(page, page.get_by_role("button", name=f"Switch channel {channel} off").click)
    check(page, without)
    assert "1 channel switched off" in page.inner_text(".live [role=status]")
    wait_for_run(page, page.get_by_role("button", name="All on again").click)
    assert answers(page) == before


def test_another_picture(live_page, open_page, tmp_path) -> None:
    page = opened(open_page, live_page)
    model = live_page.subject.model
    pixels = np.random.default_rng(1).integers(0, 256, (32, 32, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    wait_for_run(page, lambda: page.locator("input[type=file]").set_input_files(tmp_path / "noise.png"))
    x = Preprocess.from_meta(model.preprocess).apply(Image.fromarray(pixels))[None]
    check(page, expected(model, x))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    page.locator("input[type=file]").set_input_files(tmp_path / "broken.png")
    page.locator(".live [role=status]", has_text="is no picture").wait_for()
    wait_for_run(page, page.get_by_role("button", name="Back to the photo").click)
    check(page, expected(model, live_page.subject.x))
    page.get_by_role("button", name="Camera").click()  # which a headless browser does not get
    page.locator(".live [role=status]", has_text="no camera").wait_for()


def test_a_drawing_by_pointer_and_by_keys(live_page, open_page) -> None:
    page = opened(open_page, live_page)
    model = live_page.subject.model
    page.get_by_role("button", name="Draw").click()
    wait_for_run(page, page.get_by_role("button", name="White ground").click)
    white = Preprocess.from_meta(model.preprocess).apply(Image.new("RGB", (32, 32), "white"))[None]
    check(page, expected(model, white))
    pad = page.locator(".pad")
    box = pad.bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 220)
    wait_for_run(page, page.mouse.up)
    drawn = answers(page)
    assert drawn != pytest.approx(expected(model, white), abs=0.06)
    pad.focus()
    page.keyboard.press(" ")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    wait_for_run(page, lambda: page.keyboard.press(" "))
    assert answers(page) != drawn
