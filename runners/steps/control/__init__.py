"""The steps that move no rows: they copy and watch objects, run SQL, call functions and check."""
