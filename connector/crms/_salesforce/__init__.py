"""The parts of the Salesforce adapter."""
