"""A support archive of one device: enough to see what is wrong from far away, and nothing that may not leave."""
