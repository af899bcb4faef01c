"""The parts of the HubSpot adapter; only `connector.crms.hubspot` looks in here."""
