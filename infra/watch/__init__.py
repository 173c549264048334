"""What is seen: alarms, the dashboard, metrics, saved queries."""
