"""Other people's models: which are known, fetching them, and whether what lies here is still what was fetched.

The daemon never comes here: it loads what lies in a folder (edge/vision/models.py) and asks no network.
"""

from edge.hub.catalogue import Catalogue, Published, Publisher, read_catalogue
from edge.hub.fetch import Fetched, fetch
from edge.hub.lock import FOLDER, accept
from edge.hub.source import Source
from edge.hub.verify import Verdict, verify

__all__ = [
    "FOLDER",
    "Catalogue",
    "Fetched",
    "Published",
    "Publisher",
    "Source",
    "Verdict",
    "accept",
    "fetch",
    "read_catalogue",
    "verify",
]
