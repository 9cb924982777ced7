"""Panels of this app that pages of the apps below embed: templates compose, Python below never looks up."""
