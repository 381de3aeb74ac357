"""A drawn road: number plates, and whatever else is rendered rather than filmed; no real plate is ever copied here."""
