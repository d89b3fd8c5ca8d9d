"""Performance figures of the platform, each beside a yardstick that runs at the same time on the same machine.

``python -m bench`` runs them; nothing in ``src`` or in the tests of correctness depends on this package.
"""
