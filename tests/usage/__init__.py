"""The app that knows what was consumed or came back."""
