"""What a run does at ad platforms: groups chosen, people spelt, withdrawals first, audiences kept, sales told."""
