"""``runners lint``: what is wrong with a state machine before it runs, told like a compiler tells it.

It reads definitions with their positions, takes statelint's word for the Amazon States Language, and adds what an
activity task of the runners needs. It changes nothing, here or in AWS.
"""
