"""What all pictures share: their style, and how they become files."""

import io
from contextlib import AbstractContextManager

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#24292f"
SOFT = "#8b949e"
LINE = "#e3e8ed"
BLUE = "#2f6fde"
ORANGE = "#e8833a"
GREEN = "#2c9c69"


def as_svg(figure: Figure) -> str:
    """Return the picture as an SVG element whose ink follows the page's text colour."""
    file = io.StringIO()
    with style():
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    text = file.getvalue()
    for colour, css in ((INK, "currentColor"), (LINE, "var(--line, #e3e8ed)")):
        text = text.replace(colour, css)
    return text[text.index("<svg") :]


def as_png(figure: Figure, *, dpi: int = 160) -> bytes:
    """Return the picture as a PNG file's bytes, on white."""
    file = io.BytesIO()
    with style():
        figure.savefig(file, format="png", dpi=dpi, facecolor="white", metadata={"Software": None})
    return file.getvalue()


def style() -> AbstractContextManager[None]:
    """Set the fonts that all pictures share."""
    return rc_context(
        {
            "font.family": "DejaVu Sans",
            "font.size": 9.5,
            "svg.fonttype": "none",
            "svg.hashsalt": "re2llm",
        }
    )


def dress(axes: Axes, title: str, model_label: str) -> None:
    """Give a picture its title and the model's label, and take its frame away."""
    axes.set_axisbelow(True)
    axes.set_title(title, loc="left", color=INK, fontsize=11, fontweight="bold", pad=20)
    axes.annotate(
        f"Model: {model_label}",
        (0, 1),
        xytext=(0, 6),
        xycoords="axes fraction",
        textcoords="offset points",
        color=SOFT,
        fontsize=8.5,
    )
    axes.tick_params(length=0, colors=INK)
    for spine in axes.spines.values():
        spine.set_visible(False)


def short(text: str, most: int = 34) -> str:
    """Cut a text to fit beside an axis."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
