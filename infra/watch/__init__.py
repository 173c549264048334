"""What an operator sees: alarms, the dashboard, metrics, saved queries."""
