"""Homerule: reads number plates on a roadside camera computer and shares each read only as the local policy allows.

`ls edge/` is the map. Data flows one way: capture -> vision -> policy -> delivery -> ledger -> relay -> broker.
"""

import os

# Read by onnxruntime while it is loaded, so it stands before all else: without it the models' runtime keeps a device id
# and reports to its maker. From here nothing leaves but what the policy allows.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__version__ = "0.1.0"
