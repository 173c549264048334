"""What the locked packages are known for: vulnerabilities, and the bill of materials of what is deployed."""
