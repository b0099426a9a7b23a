"""Traces and metrics with OpenTelemetry's SDK: off until its environment variables ask for them.

``settings``, ``names`` and ``work`` are cheap to import; what needs the SDK is imported where something is on, so that
a command without telemetry does not pay for it.
"""
