"""Icons of the Bootstrap set, drawn into the page: no font, no request, the text's colour."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

from markupsafe import Markup

SVG = "{http://www.w3.org/2000/svg}"


def icon(name: str, extra: str = "") -> Markup:
    """An icon beside a word; screen readers skip it."""
    paths = _paths(name)
    kinds = f"icon {extra}".strip()
    return Markup(  # noqa: S704 — the paths come from the installed package
        f'<svg class="{kinds}" viewBox="0 0 16 16" width="16" height="16" fill="currentColor"'
        f' aria-hidden="true" focusable="false">{paths}</svg>'
    )


@cache
def _paths(name: str) -> str:
    symbol = _symbols().get(name)
    if symbol is None:
        raise LookupError(f"Bootstrap has no icon {name!r}")
    return "".join(
        f'<path d="{path.attrib["d"]}"'
        + (f' fill-rule="{rule}"' if (rule := path.get("fill-rule")) else "")
        + "/>"
        for path in symbol.iter(f"{SVG}path")
    )


@cache
def _symbols() -> dict[str, ElementTree.Element]:
    spec = find_spec("flask_bootstrap")
    if spec is None or not spec.origin:
        raise RuntimeError("Bootstrap-Flask is not installed")
    sprite = Path(spec.origin).parent / "static/bootstrap5/icons/bootstrap-icons.svg"
    root = ElementTree.parse(sprite).getroot()  # noqa: S314 — a file of an installed package
    return {symbol.attrib["id"]: symbol for symbol in root.iter(f"{SVG}symbol")}
