"""Other generators and frameworks beside us, on the same contracts, in one run."""
