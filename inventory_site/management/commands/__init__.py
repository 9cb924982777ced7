"""Commands of the site kit."""
