"""Membership: whom the rules of `audiences.yaml` put into which list, and the sentence that says why."""
