"""Homerule: reads number plates on a roadside camera computer and shares each read only as the local policy allows.

`ls edge/` is the map. Data flows one way: capture -> vision -> policy -> delivery -> ledger -> relay -> broker.
"""

__version__ = "0.1.0"
