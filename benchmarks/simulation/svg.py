"""Small plots as SVG, written by hand: the same figures give the same bytes on every machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 60, 150, 36, 44
COLOURS = ("#1f5fa8", "#c4571a", "#3b8a3e", "#8a4f9e")
GRID = 4


@dataclass(frozen=True)
class Line:
    """One series."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Plot:
    """Lines over one axis; the vertical one begins at 0."""

    title: str
    x: str
    y: str
    lines: Sequence[Line]
    top: float | None = None
    """Upper end of the vertical axis, if not the greatest value."""

    def svg(self) -> str:
        """The whole file."""
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            'font-family="sans-serif" font-size="12">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
            _text(LEFT, 20, self.title, weight="bold"),
            _text(LEFT + self._wide / 2, HEIGHT - 8, self.x, anchor="middle"),
            f'<g transform="rotate(-90 14 {TOP + self._high / 2})">'
            + _text(14, TOP + self._high / 2, self.y, anchor="middle")
            + "</g>",
            *self._axes(),
        ]
        for number, line in enumerate(self.lines):
            parts += self._drawn(line, number)
        return "\n".join([*parts, "</svg>", ""])

    @property
    def _wide(self) -> int:
        return WIDTH - LEFT - RIGHT

    @property
    def _high(self) -> int:
        return HEIGHT - TOP - BOTTOM

    @property
    def _xs(self) -> list[float]:
        return sorted({x for line in self.lines for x, _ in line.points})

    @property
    def _greatest(self) -> float:
        return self.top or max(y for line in self.lines for _, y in line.points) or 1.0

    def _place(self, x: float, y: float) -> tuple[float, float]:
        first, last = self._xs[0], self._xs[-1]
        across = (x - first) / (last - first) if last > first else 0.5
        return LEFT + across * self._wide, TOP + (1 - y / self._greatest) * self._high

    def _axes(self) -> list[str]:
        parts: list[str] = []
        for step in range(GRID + 1):
            value = self._greatest * step / GRID
            _, y = self._place(self._xs[0], value)
            parts.append(
                f'<line x1="{LEFT}" y1="{y:.1f}" x2="{LEFT + self._wide}" y2="{y:.1f}" '
                'stroke="#ddd"/>'
            )
            parts.append(_text(LEFT - 6, y + 4, f"{value:.3g}", anchor="end"))
        for value in self._xs:
            x, _ = self._place(value, 0)
            parts.append(_text(x, HEIGHT - BOTTOM + 16, f"{value:g}", anchor="middle"))
        return parts

    def _drawn(self, line: Line, number: int) -> list[str]:
        colour = COLOURS[number % len(COLOURS)]
        places = [self._place(x, y) for x, y in line.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        key_y = TOP + 14 + 18 * number
        return [
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>',
            *(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places),
            f'<rect x="{WIDTH - RIGHT + 12}" y="{key_y - 9}" width="10" height="10" '
            f'fill="{colour}"/>',
            _text(WIDTH - RIGHT + 28, key_y, line.name),
        ]


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}">{text}</text>'
    )
