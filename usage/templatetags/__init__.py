"""Panels of this app that pages of the lots app embed; templates compose, Python code below never looks up."""
