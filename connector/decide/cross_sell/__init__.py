"""Cross-sell: what to offer next, by the method that this shop's own history proves best."""
