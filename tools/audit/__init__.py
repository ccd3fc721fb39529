"""The security audit: which threats there are, which tests answer them, and how those ended."""
