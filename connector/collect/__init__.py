"""The collector: events, a pixel and webhooks come in over HTTP, and wait on disk for the next pass."""
