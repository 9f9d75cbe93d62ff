from .checks import CHECKS as CHECKS, check_market as check_market
from .comparison import RunComparison as RunComparison, compare_runs as compare_runs
from .decomposition import Decomposition as Decomposition, decompose as decompose
from .document import from_document as from_document, to_document as to_document
from .draws import Draws as Draws
from .findings import MarketCheck as MarketCheck
from .fitted import Forecast as Forecast, MixFit as MixFit, SamplingHealth as SamplingHealth
from .fitting import fit as fit
from .flighting import MarketSetting as MarketSetting
from .market import Market as Market, market_of as market_of
from .recorded import market_table as market_table, proposed_spec as proposed_spec
from .report import MixReport as MixReport, mix_report as mix_report
from .response import ResponseCurves as ResponseCurves, response_curves as response_curves
from .simulation import SimulatedMarket as SimulatedMarket, simulate_market as simulate_market
from .spec import (
    Channel as Channel,
    LiftTest as LiftTest,
    MixSpec as MixSpec,
    ReturnPrior as ReturnPrior,
    Sampling as Sampling,
)
from .spec_file import MixFile as MixFile, mix_file_of as mix_file_of
from .truth import MixTruth as MixTruth
from .window import Window as Window, window_of as window_of
