"""What a change of the contract asks of handlers that are written already, as splices into their bytes."""
