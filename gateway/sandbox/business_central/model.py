"""The model of the simulator: the sets of all its APIs, from one file each, and the views behind some of them."""

import json
from functools import cache
from importlib.resources import files

from gateway.sandbox.business_central.views import VIEWS
from gateway.sandbox.model import Model

_FILES = (
    *("model.json", "invoices.json", "quotes.json", "open_lines.json", "relationships.json", "vendors.json"),
    *("analytics.json", "extension.json"),
)


@cache
def load_model() -> Model:
    """The sets this simulator serves, and the ledgers behind them."""
    folder = files("gateway.sandbox.business_central")
    parts = [json.loads(folder.joinpath(name).read_text("utf-8")) for name in _FILES]
    merged = {
        "nulls": False,
        "options": {name: members for part in parts for name, members in part["options"].items()},
        "sets": {name: shape for part in parts for name, shape in part["sets"].items()},
    }
    return Model.load(json.dumps(merged), views=VIEWS)
