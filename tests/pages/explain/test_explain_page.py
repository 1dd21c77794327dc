"""The page shows what Python computes: the answer, maps, sums and what a pixel can see; by pointer and by keyboard."""

from __future__ import annotations

import re

import numpy as np
import pytest
from contrast import faint_texts
from explained_page import go_to, opened, says, written

from tinyinfer.builder import Builder
from tinyinfer.initialize import initialize
from tinyinfer.model import Model
from tinyinfer.pages.explain.nodes import shown
from tinyinfer.pages.explain.receptive_field import receptive_fields


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def pixel_of(page) -> tuple[int, int, int, str]:
    """Row, column and channel that the sentence names, and the sentence."""
    text = page.inner_text(".sentence")
    found = re.match(r"Row (\d+), column (\d+) of channel (\d+)", text)
    assert found, text
    return int(found[1]), int(found[2]), int(found[3]), text


def check_answer(page, explained) -> None:
    found = [page.locator(".bar").nth(i).inner_text().split("\n") for i in range(5)]
    expected = explained.subject.model.predict(explained.subject.source)
    for (label, share), (wanted, probability) in zip(found, expected, strict=True):
        assert label == wanted
        assert share == f"{100 * probability:.1f} %"
    page.locator(".bar").first.click()
    assert "Class activation map" in page.inner_text(".answer [role=status] >> nth=0")
    assert page.locator(".bar").first.get_attribute("aria-pressed") == "true"


def test_a_large_network(large_page, open_page) -> None:
    """The answer is that of Python, and what was left out is said."""
    page = opened(open_page, large_page)
    check_answer(page, large_page)
    cards = shown(large_page.subject)
    total = sum(len(card.maps) for card in cards if card.maps is not None)
    kept = int(re.match(r"([\d,]+) of", page.inner_text("footer"))[1].replace(",", ""))
    assert f"of {total:,} feature maps" in page.inner_text("footer")
    assert total / 2 < kept < total
    go_to(page, "features.2.conv.0.0")
    assert re.search(r"\d+ of 96 channels: .* left out", page.inner_text(".detail"))
    check_sums_of_eight_bits(page, large_page)


def test_pages_have_a_size(live_page, large_page) -> None:
    assert live_page.path.stat().st_size < 1.5e6
    assert 4e6 < large_page.path.stat().st_size < 5e6


def test_a_small_network(live_page, open_page) -> None:
    """The answer is that of Python, and so are the pixels."""
    page = opened(open_page, live_page)
    check_answer(page, live_page)
    for name in ("features.0.0", "features.3.conv.1.0", "features.9.0", "features.5.add"):
        go_to(page, name)
        y, x, channel, text = pixel_of(page)
        value = live_page.subject.graph.node(name).outputs[0]
        expected = float(live_page.subject.values[value][0, channel, y, x])
        assert number(text.rstrip(".").split()[-1]) == pytest.approx(expected, rel=6e-3, abs=1e-3)


def check_sums_of_eight_bits(page, explained) -> None:
    """Bias, windows and kernels of the page add up to what the network computed."""
    for name in ("features.0.0", "features.2.conv.1.0", "features.3.conv.2", "features.14.conv.2"):
        go_to(page, name)
        y, x, channel, text = pixel_of(page)
        node = explained.subject.graph.node(name)
        value = explained.subject.values[node.outputs[0]][0, channel]
        sums = re.search(r"= ([−.\de-]+)(;|\.$)", text)
        if "not in this file" in text:
            continue
        total = number(sums[1].rstrip("."))
        clipped = min(max(total, 0), 6) if node.op.activation else total
        assert clipped == pytest.approx(float(value[y, x]), abs=0.04 * float(np.abs(value).max()) + 0.02)


def test_hover_and_arrow_keys_move_the_pixel(live_page, open_page) -> None:
    page = opened(open_page, live_page)
    go_to(page, "features.2.conv.2")
    output = page.locator(".pointed canvas")
    box = output.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.51, box["y"] + box["height"] * 0.26)
    says(page, ".sentence", "Row 4, column 8 ")
    output.focus()
    page.keyboard.press("ArrowDown")
    says(page, ".sentence", "Row 5, column 8 ")
    page.keyboard.press("ArrowLeft")
    says(page, ".sentence", "Row 5, column 7 ")
    says(page, "#announcements", "Row 5, column 7 ")
    fields = receptive_fields(live_page.subject.graph, live_page.subject.types)
    down, across = fields[live_page.subject.graph.node("features.2.conv.2").outputs[0]]
    high = min(down.step * 5 + down.high, 32) - max(down.step * 5 + down.low, 0)
    wide = min(across.step * 7 + across.high, 32) - max(across.step * 7 + across.low, 0)
    assert f"It can see {high} x {wide} pixels" in page.inner_text(".flow figure:first-child")


def test_maps_and_terms_are_chosen_by_click_and_by_keys(live_page, open_page) -> None:
    page = opened(open_page, live_page)
    go_to(page, "features.2.conv.0.0")
    sheet = page.locator(".sheet").first
    sheet.click(position={"x": 20, "y": 20})
    says(page, ".sentence", "channel 0:")
    sheet.focus()
    page.keyboard.press("ArrowRight")
    says(page, ".sentence", "channel 1:")
    assert "channel 1, up to" in sheet.get_attribute("aria-label")
    sheet.hover(position={"x": 20, "y": 20})
    assert "channel 0, up to" in sheet.get_attribute("title")
    go_to(page, "features.3.conv.0.0")
    terms = page.locator(".term")
    assert terms.count() == 8
    terms.nth(3).focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".terms li:nth-child(4) [aria-pressed=true]")
    name = terms.nth(3).locator(".term-name").inner_text().removeprefix("input ")
    assert f"Input channel {name} of" in page.inner_text(".flow")


def test_a_pixel_is_followed_back_to_the_photo(live_page, open_page) -> None:
    page = opened(open_page, live_page)
    go_to(page, "features.2.conv.1.0")  # a depthwise layer: each step but the last leads to the same channel
    y, x, channel, _ = pixel_of(page)
    page.locator(".follow").click()
    page.wait_for_selector('.detail[data-shown="features.2.conv.0.0"]')
    assert pixel_of(page)[:3] == (y, x, channel)
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("the output map")
    for name in ("features.1.conv.1", "features.1.conv.0.0", "features.0.0", "input"):
        page.locator(".follow").focus()
        page.keyboard.press("Enter")
        page.wait_for_selector(f'.detail[data-shown="{name}"]')
    assert "the photo's level" in page.inner_text(".sentence")


def test_every_text_can_be_read_at_every_width(live_page, open_page) -> None:
    page = opened(open_page, live_page)
    page.get_by_role("button", name="Draw").click()
    for name in ("features.2.conv.1.0", "classifier.1"):
        go_to(page, name)
        for width in (1200, 390):
            page.set_viewport_size({"width": width, "height": 800})
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                assert faint_texts(page) == []
                assert page.evaluate("document.documentElement.scrollWidth") == width


SHOWN_VALUES = """
async () => {
  const nodes = embedded("nodes"), source = new EmbeddedMaps(nodes), found = [];
  for (const [card, node] of nodes.entries()) {
    if (!node.window) continue;
    const maps = await source.maps(card), [channels, height, width] = node.shape;
    const [channel, y, x] = [channels - 1, height - 1, Math.floor(width / 2)];
    const { terms, bias, missing } = await termsOf(source, nodes, card, channel, y, x);
    const { activation, window: { kind } } = node;
    const joined = terms.reduce((all, term) => (kind === "mul" ? all * term.adds : all + term.adds), kind === "mul" ? 1 : bias);
    found.push([node.name, kind, missing, activation ? ACTIVATIONS[activation](joined) : joined, maps.plane(channel)[y * width + x]]);
  }
  return found;
}
"""  # noqa: E501


def test_every_kind_of_window_gives_its_pixel(tmp_path, open_page) -> None:
    """In a page that holds everything: what terms add up to is the pixel, whatever the operator."""
    b = Builder()
    x = b.conv2d(b.input(channels=3, size=(18, 15)), 12, (3, 5), name="stem", stride=(2, 1), padding=(1, 2))
    x = b.channel_shuffle(b.conv2d(x, 12, 3, name="grouped", groups=3, padding=2, dilation=2), 4, name="shuffle")
    left, right = b.split(x, (5, 7), name="split")
    x = b.concat(right, b.activation(left, "leaky_relu", name="curve"), name="concat")
    gate = b.conv2d(b.adaptive_avg_pool2d(x, name="squeeze"), 12, 1, name="excite")
    x = b.mul(x, b.activation(gate, "hardsigmoid", name="gate"), name="gated")
    high = b.max_pool2d(x, 3, stride=2, padding=1, name="max")
    x = b.add(high, b.avg_pool2d(x, 3, stride=2, padding=1, name="avg"), name="add")
    x = b.linear(b.flatten(b.adaptive_avg_pool2d(x, (2, 3), name="bins"), name="flatten"), 9, name="fc")
    graph = initialize(b.finish([b.activation(x, "elu", name="elu")]), 1)  # which keeps the network out of the page
    page = opened(open_page, written(Model(graph, {"preprocess": {"resize": [18, 15]}}, kernels="reference"), tmp_path))
    found = page.evaluate(SHOWN_VALUES)
    assert {kind for _, kind, *_ in found} == {"conv", "copy", "concat", "same", "mul", "add", "max", "mean"}
    for name, kind, missing, joined, value in found:
        assert missing == 0
        if kind != "same":
            assert joined == pytest.approx(value, abs=0.03), name
