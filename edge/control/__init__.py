"""What is in force, the order in which it changes, and the socket by which people ask.

`edge.control.control` is imported by its own name: whoever only asks should not load what answers.
"""
