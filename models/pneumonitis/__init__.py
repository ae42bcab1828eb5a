"""Pneumonitis after radiotherapy, after checkpoint inhibitors, and after both."""
