"""Monitoring: alarms, the dashboard, metrics, saved queries."""
