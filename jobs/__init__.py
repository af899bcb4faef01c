"""What runs when: one small file a job, and the scheduler that calls them. No logic of their own."""
