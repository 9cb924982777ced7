"""run.py, the embedded servers and the supervisor, tried as a person would: as programs, in folders of their own."""
