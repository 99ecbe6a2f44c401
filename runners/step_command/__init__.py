"""``runners step``: steps on a laptop, run, listed and described; and the pages of the documentation that list them."""
