"""A page holds what it was given, whatever that is, and runs nothing else."""

from __future__ import annotations

import pytest

from tinyinfer.pages.document import Page, base64_bytes, document

HOSTILE = "</script><script>document.title = 'taken'</script><!-- <script>"


def test_data_and_workers_arrive(open_page) -> None:
    code = """
    const worker = startWorker("double");
    worker.onmessage = (event) => { document.getElementById("out").textContent = event.data; };
    worker.postMessage(bytesOf(embedded("bytes"))[1]);
    document.body.append(h("p", { id: "text" }, embedded("text")));
    """
    page = open_page(
        document(
            Page(
                "Doubled",
                '<p id="out"></p>',
                scripts=[code],
                workers={"double": "onmessage = (event) => postMessage(2 * event.data);"},
                data={"bytes": base64_bytes(b"\x01\xc8"), "text": HOSTILE},
            )
        )
    )
    page.locator("#out", has_text="400").wait_for()
    assert page.inner_text("#text") == HOSTILE
    assert page.title() == "Doubled"


def test_a_title_is_text(open_page) -> None:
    page = open_page(document(Page("</title><b>bold</b>", "<h1>One</h1>")))
    assert page.title() == "</title><b>bold</b>"
    assert page.locator("b").count() == 0


def test_only_hashed_scripts_run(chromium, tmp_path) -> None:
    path = tmp_path / "page.html"
    path.write_text(document(Page("Safe", "<script>document.title = 'taken'</script>")), encoding="utf-8")
    page = chromium.new_page()
    page.goto(path.as_uri())
    assert page.title() == "Safe"
    page.close()


@pytest.mark.parametrize("code", ["'</script>'", "'<!--'", "'</SCRIPT >'"])
def test_a_script_that_would_end_its_element_is_refused(code) -> None:
    with pytest.raises(ValueError, match="can't stand inside a page"):
        document(Page("One", "", scripts=[code]))
    with pytest.raises(ValueError, match="can't stand inside a page"):
        document(Page("One", "", workers={"one": code}))


def test_numbers_that_json_has_not_are_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        document(Page("One", "", data={"x": float("nan")}))


def test_common_helpers(open_page) -> None:
    page = open_page(document(Page("Helpers", "")))
    assert page.evaluate("[short(12), short(1234567), short(2.5e9)]") == ["12", "1.23 M", "2.50 G"]
    page.evaluate("document.body.append(h('button', { onclick: () => announce('pressed') }, 'Press'))")
    page.click("button")
    assert page.inner_text("#announcements") == "pressed"
