"""Names of a sampler's parameters in the words of who reads about them."""

from __future__ import annotations

_WORDS = {
    "roi": "the return",
    "return_step": "the return",
    "adstock_alpha": "the carry-over",
    "adstock_theta": "the delay",
    "saturation_kappa": "the saturation",
    "saturation_lam": "the saturation",
    "saturation_slope": "the shape of the curve",
    "region_spread": "how regions differ in the return",
    "region_step": "the return",
    "gamma_control": "the effect",
    "gamma_fourier": "the season",
    "gamma_weekday": "the days of the week",
    "trend_slope": "the trend",
    "intercept_contribution": "the level",
    "noise": "the noise",
}
_SUFFIXES = ("_common", "_spread", "_step")
_PLAIN = ("the season", "the days of the week", "the trend", "the level", "the noise")


def in_words(name: str) -> str:
    """Return what a parameter is about, and its name.

    Parameters
    ----------
    name : str
        As `ParameterHealth.name`: the variable with its labels in brackets, the region first.

    Examples
    --------
    >>> in_words("roi[tv]"), in_words("noise")
    ('the return of tv (roi[tv])', 'the noise (noise)')
    >>> in_words("gamma_control_step[North, price]")
    'the effect of price in North (gamma_control_step[North, price])'
    >>> in_words("bends_hsgp_coefs[1]")
    'bends_hsgp_coefs[1]'
    """
    variable, _, rest = name.partition("[")
    known = next((one for one in (variable, *_stems(variable)) if one in _WORDS), None)
    if known is None:
        return name
    said, labels = _WORDS[known], [one for one in rest.removesuffix("]").split(", ") if one]
    about = labels.pop() if labels and said not in _PLAIN else ""
    if known in {"gamma_fourier", "gamma_weekday"} and labels:
        labels.pop()  # the number of a wave says nothing
    where = f" in {', '.join(labels)}" if labels else ""
    return f"{said}{f' of {about}' if about else ''}{where} ({name})"


def _stems(variable: str) -> list[str]:
    return [variable.removesuffix(one) for one in _SUFFIXES if variable.endswith(one)]
