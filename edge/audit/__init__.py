"""The audit: who got what, on what basis, what was refused, and for which stretches nothing is known.

It reads a log and changes nothing; silence is never proof that nothing happened.
"""
