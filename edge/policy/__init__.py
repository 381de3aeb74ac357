"""PURE: what the city wrote, and what follows from it for one read and one subscriber.

Nothing here touches disk, network, clock, threads or logs; the world comes in as arguments. What is not allowed is
withheld.
"""
