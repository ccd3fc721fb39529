"""The services that ours is measured beside, each written as its users would write it."""
