from .conditions import Condition as Condition
from .definitions import METRICS as METRICS
from .measured import Measured as Measured, Row as Row
from .measures import (
    Measure as Measure,
    count as count,
    distinct as distinct,
    leaves as leaves,
    median as median,
    quantile as quantile,
    total as total,
)
from .measuring import measure as measure
from .metric import Metric as Metric
from .slices import DIMENSIONS as DIMENSIONS
from .window import Window as Window, parse_window as parse_window
