"""The names under which results put themselves into a notebook; a report shows these and little else."""

CHART = "application/vnd.vegalite.v6+json"
LAB_CHART = (
    "application/vnd.vegalite.v5+json"  # the newest that JupyterLab draws by itself, without a network
)
KPI = "application/vnd.workbench.kpi+json"
TABLE = "application/vnd.workbench.table+json"
SENTENCE = "application/vnd.workbench.sentence+json"
ALERTS = "application/vnd.workbench.alerts+json"
EMPTY = "application/vnd.workbench.empty+json"
SIMULATOR = "application/vnd.workbench.simulator+json"
FIGURES = "application/vnd.workbench.figures+json"  # a list of rows, for the JSON beside a report
HEADING = "application/vnd.workbench.heading+json"
TEXT = "application/vnd.workbench.text+json"
