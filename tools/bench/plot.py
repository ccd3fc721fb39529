"""A picture of the ratios, as SVG: a group of bars for each scenario, a bar for each service."""

from __future__ import annotations

from html import escape

from tools.bench.report import Results

_WIDTH, _LEFT, _BAR, _GAP = 760, 210, 16, 14
_SCALE = _WIDTH - _LEFT - 60
_COLOURS = {"handfast": "#0b7a4b", "idiomatic": "#4a6fa5", "limit": "#888888", "limit-tx": "#666666"}
_OTHER = "#c08a3e"


def plot(results: Results, connections: int) -> str:
    """CPU per request of each service to the idiomatic one, at so many connections."""
    ratios = {
        load.scenario: {name: figures.cpu_us / base.cpu_us for name, figures in services.items()}
        for load, services in results.loads.items()
        if load.connections == connections and (base := services.get("idiomatic")) and base.cpu_us
    }
    longest = max((ratio for bars in ratios.values() for ratio in bars.values()), default=1.0)
    drawn, y = [], 40
    for scenario, bars in ratios.items():
        drawn.append(f'<text x="8" y="{y + 12}" font-weight="bold">{escape(scenario)}</text>')
        for name, ratio in bars.items():
            colour, width = _COLOURS.get(name, _OTHER), max(1.0, ratio / longest * _SCALE)
            drawn += [
                f'<text x="{_LEFT - 8}" y="{y + 12}" text-anchor="end">{escape(name)}</text>',
                f'<rect x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR - 3}" fill="{colour}"/>',
                f'<text x="{_LEFT + width + 6:.1f}" y="{y + 12}">{ratio:.2f}</text>',
            ]
            y += _BAR
        y += _GAP
    title = f"CPU per request, idiomatic = 1, {connections} connections; shorter is better"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{y}" font-family="sans-serif"'
    ground = f'<rect width="{_WIDTH}" height="{y}" fill="white"/>'
    text = f'<text x="8" y="20" font-size="14">{title}</text>'
    return "\n".join([f'{head} font-size="12">', ground, text, *drawn, "</svg>", ""])
