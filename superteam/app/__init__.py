"""Wiring: settings and adapters become an engine. The only package that knows everyone."""
