"""The generator: contract files → checked contract → IR → text. It never imports the runtime."""
