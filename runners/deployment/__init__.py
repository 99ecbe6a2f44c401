"""How the product gets to AWS, and to the embedded AWS by the same code: what ``build.py`` is thin over."""
