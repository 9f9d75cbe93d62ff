from .attributing import (
    attribute as attribute,
    journeys_from as journeys_from,
    touchpoints_from as touchpoints_from,
)
from .buying import Ways as Ways, ways as ways
from .chain import Chain as Chain
from .coalitions import Coalitions as Coalitions
from .cost import (
    attribution_spread as attribution_spread,
    model_results as model_results,
    returns as returns,
    spend_by as spend_by,
)
from .counting import count_journeys as count_journeys
from .credit import Credit as Credit, CreditRow as CreditRow
from .crediting import credit_of as credit_of, rakings as rakings
from .increments import Advanced as Advanced, advance as advance
from .journeys import Journeys as Journeys
from .models import MODELS as MODELS
from .order import choose_order as choose_order
from .reading import touchpoints_of as touchpoints_of
from .streaming import journeys_of as journeys_of
from .touchpoints import Touchpoints as Touchpoints
from .views import (
    campaign_credit as campaign_credit,
    credit_returns as credit_returns,
    model_checks as model_checks,
    model_credit as model_credit,
)
