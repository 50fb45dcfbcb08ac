"""The executed notebook as one HTML file that loads nothing: to keep, and for the site to clean and show."""

from __future__ import annotations

import html
from typing import Any

from nbconvert import HTMLExporter
from pygments.formatters import HtmlFormatter

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
pre, code { font-family: ui-monospace, monospace; font-size: 0.875rem; }
pre { overflow-x: auto; margin: 0; } img { max-width: 100%; }
.input_area { background: #f6f7f9; border: 1px solid #d9dde3; border-radius: 6px; padding: 0.75rem; }
.cell { margin: 1rem 0; } .prompt { color: #69707a; font: 0.75rem ui-monospace, monospace; }
.output_area { padding: 0.5rem 0.75rem; overflow-x: auto; } .output_stderr { background: #fdf0ee; }
table { border-collapse: collapse; } td, th { border: 1px solid #d9dde3; padding: 0.25rem 0.5rem; text-align: right; }
"""
# Nobody's script runs and nothing is fetched, also where the file is opened from a disk.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def draw(notebook: Any, title: str) -> str:
    exporter = HTMLExporter(template_name="basic")
    body, _resources = exporter.from_notebook_node(notebook)
    colours = HtmlFormatter(style="default").get_style_defs(".highlight")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{html.escape(title)}</title>\n'
        f"<style>{_STYLE}{colours}</style></head>\n<body>\n{body}\n</body></html>\n"
    )
