"""What a contract could say better: findings beyond those that keep it from being served, and repairs."""
