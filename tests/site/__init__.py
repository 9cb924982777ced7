"""The site kit: lists, details, exports, display, vendored files and the look in a browser."""
