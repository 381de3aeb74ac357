"""From a decision to share to a message on the broker: what is sealed, under which topic, and how it is handed over."""
