"""Abscope: the engine behind the radiotherapy-immunotherapy dashboard. It knows no screen."""

__version__ = "0.1.0"
