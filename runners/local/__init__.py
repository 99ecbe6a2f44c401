"""The embedded AWS: moto's server opened up, with engines that do the work for real.

Imported by nothing but the command line, the demo and tests.
"""
