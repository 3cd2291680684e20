"""From sources to notebooks: building them, and keeping them the same on every machine."""
