"""The worker: one long-lived process that keeps many runners polling and sweeping until it is told to stop.

The same runners run in Lambda, turn by turn (``runners.lambdas``); the rules of both are ``runners.runner``'s, so a
worker and functions may run side by side for the same activities.
"""
