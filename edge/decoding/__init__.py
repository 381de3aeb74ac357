"""Compressed bytes of a camera in, decoded pictures out: the room where what a stranger sent is parsed.

It holds no keys and knows no policy, and needs so little that it can run as a process and a user of its own.
"""
