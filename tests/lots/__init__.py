"""The app that knows what we own and how it came in."""
