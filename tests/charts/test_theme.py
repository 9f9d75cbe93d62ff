"""The colours, measured: contrast by WCAG 2.1, and distance in the simulated sight of colour-blind people."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pytest

from workbench.charts.theme import DARK, HEAT, LIGHT, SERIES, config, css_variables, series

# Machado, Oliveira, Fernandes (2009), IEEE TVCG 15(6), table 1: severity 1.0.
SIGHT = {
    "full": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
THEMES = {"light": LIGHT, "dark": DARK}


def linear(colour: str) -> np.ndarray:
    share = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    low, high = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other))
    return (high + 0.05) / (low + 0.05)


def oklab(rgb: np.ndarray) -> np.ndarray:
    # Ottosson (2020), "A perceptual color space for image processing".
    to_cones = [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
    to_lab = [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
    return np.array(to_lab) @ np.cbrt(np.clip(np.array(to_cones) @ np.clip(rgb, 0, 1), 0, None))


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize("token", ["ink", "muted", "accent", "good", "bad", "warn"])
@pytest.mark.parametrize("ground", ["surface", "paper"])
def test_text_is_readable(name: str, token: str, ground: str) -> None:
    assert contrast(THEMES[name][token], THEMES[name][ground]) >= 4.5


@pytest.mark.parametrize("name", THEMES)
def test_series_stand_out_from_the_ground(name: str) -> None:
    theme = THEMES[name]
    assert min(contrast(theme[token], theme["surface"]) for token in SERIES) >= 3


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize("sight", SIGHT)
def test_series_are_told_apart_by_every_eye(name: str, sight: str) -> None:
    # A just noticeable difference is about 0.02 in this space.
    seen = {token: oklab(SIGHT[sight] @ linear(THEMES[name][token])) for token in SERIES}
    nearest = min(np.linalg.norm(seen[a] - seen[b]) for a, b in combinations(SERIES, 2))
    assert nearest >= 0.06


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=THEMES)
@pytest.mark.parametrize("sight", SIGHT)
def test_shades_rise_in_one_direction(theme: Mapping[str, str], sight: str) -> None:
    lightness = [oklab(SIGHT[sight] @ linear(theme[token]))[0] for token in HEAT]
    steps = np.diff(lightness)
    assert (steps < -0.03).all() or (steps > 0.03).all()


def test_figures_on_shades_are_readable() -> None:
    for theme in (LIGHT, DARK):
        assert min(contrast(theme["ink"], theme[token]) for token in HEAT[:3]) >= 3
        assert contrast(theme["surface"], theme[HEAT[3]]) >= 4.5


def test_both_themes_have_the_same_tokens_and_no_colour_twice() -> None:
    assert list(LIGHT) == list(DARK)
    assert len(set(LIGHT.values())) == len(LIGHT)


def test_beyond_six_series_are_quiet() -> None:
    assert series(8)[6:] == [LIGHT["quiet"]] * 2


def test_nothing_is_loaded_for_the_fonts() -> None:
    assert "url(" not in css_variables()
    assert "http" not in str(config())
