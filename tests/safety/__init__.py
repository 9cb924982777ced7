"""Who may go where, and what every answer carries."""
